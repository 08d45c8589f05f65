//! What of libzstd is left out of the npm package.

use anyhow::{Context, Result};
use walrus::{
    Module,
    ir::{Instr, Unreachable},
};

/// The searches of the levels from 5 on, three quarters of the compressor. Those levels do what the next simpler search
/// can, with larger tables. And of two ways to decode each thing, one.
pub(crate) const FLAGS: &[&str] = &[
    "-DZSTD_EXCLUDE_GREEDY_BLOCK_COMPRESSOR",
    "-DZSTD_EXCLUDE_LAZY_BLOCK_COMPRESSOR",
    "-DZSTD_EXCLUDE_LAZY2_BLOCK_COMPRESSOR",
    "-DZSTD_EXCLUDE_BTLAZY2_BLOCK_COMPRESSOR",
    "-DZSTD_EXCLUDE_BTOPT_BLOCK_COMPRESSOR",
    "-DZSTD_EXCLUDE_BTULTRA_BLOCK_COMPRESSOR",
    "-DHUF_FORCE_DECOMPRESS_X1",
    "-DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT",
];

/// What no flag leaves out, and nothing here comes to: frames are compressed one at a time, each from one piece of memory,
/// without a dictionary, matches at long distances, sequences found by others, or blocks of a given size.
const NOT_REACHED: &[&str] = &[
    "ZSTD_compressBlock_doubleFast_dictMatchState",
    "ZSTD_compressBlock_doubleFast_extDict_generic",
    "ZSTD_compressBlock_fast_dictMatchState",
    "ZSTD_compressBlock_fast_extDict_generic",
    "ZSTD_compressSuperBlock",
    "ZSTD_createCDict_advanced2",
    "ZSTD_ldm_blockCompress",
    "ZSTD_ldm_fillHashTable",
    "ZSTD_ldm_generateSequences",
    "ZSTD_loadCEntropy",
    "ZSTD_loadDictionaryContent",
    "ZSTD_transferSequences_wBlockDelim",
];

/// What it has instead of C's own library: exported, so that all of it would stay, and most of it is not used.
const C_LIBRARY: &str = "rust_zstd_wasm_shim_";

/// Of the compressor. What is left out has the same name and no content: to come there after all would end in a trap, and a
/// clear error.
pub(crate) fn leave_out_searches(module: &mut Module) -> Result<()> {
    for name in NOT_REACHED {
        let id = module.funcs.by_name(name);
        let id = id.with_context(|| format!("this libzstd has no function {name}"))?;
        let function = module.funcs.get_mut(id).kind.unwrap_local_mut();
        let entry = function.entry_block();
        let trap = Instr::Unreachable(Unreachable {});
        function.block_mut(entry).instrs = vec![(trap, Default::default())];
    }
    leave_out_c_library(module)
}

pub(crate) fn leave_out_c_library(module: &mut Module) -> Result<()> {
    let exports = module.exports.iter();
    let unused = exports.filter(|export| export.name.starts_with(C_LIBRARY));
    let unused: Vec<_> = unused.map(|export| export.id()).collect();
    for export in unused {
        module.exports.delete(export);
    }
    Ok(())
}
