//! Splits a WebAssembly module in two: the first, and a part that is loaded when it is needed.
//!
//! The deferred part has no memory, table or data of its own: it imports those of the first module, and the functions that
//! it calls there. It puts its own functions where the first module calls them: into the table of function pointers, so
//! that only calls through a vtable or a function pointer lead there. Until it is loaded, such a call ends in a trap.

use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use walrus::{
    ConstExpr, ElementItems, ElementKind, ExportItem, FunctionBuilder, FunctionId, FunctionKind,
    GlobalId, GlobalKind, ImportKind, ImportedFunction, Module, TableId,
    ir::{self, Value, Visitor},
    passes,
};

/// What the deferred part calls the module that it imports everything from.
const FIRST: &str = "first";

/// Shorter functions stay in the first module, unless they call a deferred one: the compiler makes one of several that are
/// equal, under the name of any.
const LEAST_INSTRUCTIONS: u64 = 40;

/// Splits a module, of which there are two copies: each becomes one of the parts. Deferred are the functions in the table
/// whose names `is_deferred` accepts, and all that only they call.
pub(crate) fn split(
    first: &mut Module,
    deferred: &mut Module,
    is_deferred: fn(&str) -> bool,
) -> Result<()> {
    let is_equal = names(first).eq(names(deferred));
    ensure!(is_equal, "what is split is not two times the same module");
    Split::new(first, is_deferred)?.reduce_to_first(first);
    Split::new(deferred, is_deferred)?.reduce_to_deferred(deferred)
}

fn names(module: &Module) -> impl Iterator<Item = Option<&str>> {
    module.funcs.iter().map(|function| function.name.as_deref())
}

/// Which functions of a module go where.
struct Split {
    table: TableId,
    deferred: BTreeSet<FunctionId>,
    /// Functions and globals of the first module that the deferred part uses, with the names of their exports.
    functions: BTreeMap<FunctionId, String>,
    globals: BTreeMap<GlobalId, String>,
}

impl Split {
    fn new(module: &Module, is_deferred: fn(&str) -> bool) -> Result<Self> {
        let table = module.tables.main_function_table()?;
        let table = table.context("has no table of functions")?;
        let pointers = pointers(module, table);
        let entries = entries(module, &pointers, is_deferred);
        ensure!(!entries.is_empty(), "has no functions to defer");
        let exported = module
            .exports
            .iter()
            .filter_map(|export| match export.item {
                ExportItem::Function(id) => Some(id),
                _ => None,
            });
        let roots = pointers.iter().copied().filter(|id| !entries.contains(id));
        let roots = roots.chain(exported).chain(module.start);
        let first = reachable(module, roots.collect());
        let locals = module.funcs.iter_local().map(|(id, _)| id);
        let called = reachable(module, entries.into_iter().collect());
        let deferred: BTreeSet<FunctionId> = locals
            .filter(|id| called.contains(id) && !first.contains(id))
            .collect();
        let uses = uses(module, deferred.iter().copied());
        let functions = uses.functions.difference(&deferred).copied();
        let name = |prefix: char| move |number: usize| format!("{prefix}{number}");
        Ok(Self {
            table,
            functions: functions.zip((0..).map(name('f'))).collect(),
            globals: uses.globals.into_iter().zip((0..).map(name('g'))).collect(),
            deferred,
        })
    }

    /// Makes the first module: exports what the deferred part uses.
    fn reduce_to_first(&self, module: &mut Module) {
        let mut trap = FunctionBuilder::new(&mut module.types, &[], &[]);
        trap.func_body().unreachable();
        let trap = trap.finish(Vec::new(), &mut module.funcs);
        for element in module.elements.iter_mut() {
            if let ElementItems::Functions(functions) = &mut element.items {
                for function in functions {
                    if self.deferred.contains(function) {
                        *function = trap;
                    }
                }
            }
        }
        module.exports.add("table", self.table);
        for (&function, name) in &self.functions {
            module.exports.add(name, function);
        }
        for (&global, name) in &self.globals {
            module.exports.add(name, global);
        }
        passes::gc::run(module);
    }

    /// Makes the deferred part: imports what it uses.
    fn reduce_to_deferred(&self, module: &mut Module) -> Result<()> {
        module.start = None;
        for export in module
            .exports
            .iter()
            .map(|export| export.id())
            .collect::<Vec<_>>()
        {
            module.exports.delete(export);
        }
        self.import_all(module)?;
        self.replace_elements(module)?;
        passes::gc::run(module);
        Ok(())
    }

    fn import_all(&self, module: &mut Module) -> Result<()> {
        let memory = module.memories.iter_mut().next().context("has no memory")?;
        memory.data_segments.clear();
        memory.import = Some(module.imports.add(FIRST, "memory", memory.id()));
        for data in module.data.iter().map(|data| data.id()).collect::<Vec<_>>() {
            module.data.delete(data);
        }
        let import = module.imports.add(FIRST, "table", self.table);
        module.tables.get_mut(self.table).import = Some(import);
        for (&id, name) in &self.globals {
            let import = module.imports.add(FIRST, name, id);
            module.globals.get_mut(id).kind = GlobalKind::Import(import);
        }
        for (&id, name) in &self.functions {
            let before = module.imports.iter().find(
                |import| matches!(import.kind, ImportKind::Function(function) if function == id),
            );
            if let Some(before) = before.map(|import| import.id()) {
                module.imports.delete(before);
            }
            let import = module.imports.add(FIRST, name, id);
            let function = module.funcs.get_mut(id);
            let ty = function.ty();
            function.kind = FunctionKind::Import(ImportedFunction { import, ty });
        }
        Ok(())
    }

    /// Leaves only the deferred functions in the table: a segment for each run of them.
    fn replace_elements(&self, module: &mut Module) -> Result<()> {
        let before: Vec<_> = module.elements.iter().map(|element| element.id()).collect();
        let mut runs: Vec<(i32, Vec<FunctionId>)> = Vec::new();
        for id in before {
            let element = module.elements.get(id);
            if let (ElementKind::Active { table, offset }, ElementItems::Functions(functions)) =
                (&element.kind, &element.items)
                && *table == self.table
            {
                let ConstExpr::Value(Value::I32(offset)) = *offset else {
                    anyhow::bail!("a segment of its table is at no fixed place");
                };
                for (place, &function) in (offset..).zip(functions) {
                    if !self.deferred.contains(&function) {
                        continue;
                    }
                    match runs.last_mut() {
                        Some((start, run)) if *start + run.len() as i32 == place => {
                            run.push(function)
                        }
                        _ => runs.push((place, vec![function])),
                    }
                }
            }
            module.elements.delete(id);
        }
        for table in module.tables.iter_mut() {
            table.elem_segments.clear();
        }
        for (start, run) in runs {
            let kind = ElementKind::Active {
                table: self.table,
                offset: ConstExpr::Value(Value::I32(start)),
            };
            let element = module.elements.add(kind, ElementItems::Functions(run));
            module
                .tables
                .get_mut(self.table)
                .elem_segments
                .insert(element);
        }
        Ok(())
    }
}

/// Those of the functions that lead into the deferred part.
fn entries(
    module: &Module,
    pointers: &BTreeSet<FunctionId>,
    is_deferred: fn(&str) -> bool,
) -> HashSet<FunctionId> {
    let has_name = |id: &FunctionId, accepts: fn(&str) -> bool| {
        let name = module.funcs.get(*id).name.as_deref();
        name.is_some_and(accepts)
    };
    let is_named = |id: &FunctionId| has_name(id, is_deferred);
    let is_entry = |id: &FunctionId| {
        let FunctionKind::Local(body) = &module.funcs.get(*id).kind else {
            return false;
        };
        let calls_deferred = || uses(module, [*id]).functions.iter().any(is_named);
        match is_named(id) {
            true => body.size() >= LEAST_INSTRUCTIONS || calls_deferred(),
            false => has_name(id, is_named_otherwise) && calls_deferred(),
        }
    };
    pointers.iter().copied().filter(is_entry).collect()
}

/// Whether it bears another name than that of its type or module, and belongs where the functions are that it calls: a
/// method that a type has from the trait of sources; what calls a closure through a vtable as `FnOnce`.
fn is_named_otherwise(function: &str) -> bool {
    function.starts_with("ntfsclone_core::io::ReadAt::")
        || function.starts_with("core::ops::function::FnOnce::call_once{{vtable.shim}}")
}

/// All functions in the table.
fn pointers(module: &Module, table: TableId) -> BTreeSet<FunctionId> {
    let mut found = BTreeSet::new();
    for element in module.elements.iter() {
        if let (ElementKind::Active { table: of, .. }, ElementItems::Functions(functions)) =
            (&element.kind, &element.items)
            && *of == table
        {
            found.extend(functions);
        }
    }
    found
}

/// The functions that these call, directly or through others, and they themselves.
fn reachable(module: &Module, mut rest: Vec<FunctionId>) -> HashSet<FunctionId> {
    let mut found: HashSet<FunctionId> = rest.iter().copied().collect();
    while let Some(id) = rest.pop() {
        let called = uses(module, [id]).functions;
        rest.extend(called.into_iter().filter(|&called| found.insert(called)));
    }
    found
}

#[derive(Default)]
struct Uses {
    functions: BTreeSet<FunctionId>,
    globals: BTreeSet<GlobalId>,
}

fn uses(module: &Module, functions: impl IntoIterator<Item = FunctionId>) -> Uses {
    let mut uses = Uses::default();
    for id in functions {
        if let FunctionKind::Local(body) = &module.funcs.get(id).kind {
            ir::dfs_in_order(&mut uses, body, body.entry_block());
        }
    }
    uses
}

impl Visitor<'_> for Uses {
    fn visit_function_id(&mut self, function: &FunctionId) {
        self.functions.insert(*function);
    }

    fn visit_global_id(&mut self, global: &GlobalId) {
        self.globals.insert(*global);
    }
}
