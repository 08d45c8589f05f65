import type { Info, Partition } from "ntfsclone";
import type { Context, View } from "./context.js";
import { h, icon } from "./dom.js";
import { takeDrops } from "./drops.js";
import { isAbort, problemOf } from "./failure.js";
import { chosenFile, sizeOf, type Candidate, type Chosen } from "./files.js";
import { Jobs } from "./jobs.js";
import { lastFileHandle, rememberLastFile, type LastFileHandle } from "./last-file-handle.js";
import { plainName } from "./names.js";
import { Opener } from "./opener.js";
import { partitionOf } from "./partition.js";
import { Meter } from "./progress.js";
import { formatRoute, parseRoute, VIEWS, within, type Route, type ViewName } from "./route.js";
import { Session } from "./session.js";
import { Shell } from "./shell.js";
import { SidecarFiles } from "./sidecar-files.js";
import { strings } from "./strings.js";
import { Survey } from "./survey.js";
import { Tray } from "./tray.js";
import { askWhileRunning } from "./views/ask.js";
import { chooser, partitionChooser } from "./views/choosers.js";
import { empty } from "./views/empty.js";
import { notOpenedBox } from "./views/problem.js";

/** Compressed for the way only: opened, it is a plain image. Its name must not make a server decompress it. */
const SAMPLE = { address: "sample.gzip", name: "sample.img" };
/** What opens faster needs no word. */
const MILLISECONDS_BEFORE_WAITING = 150;

const NO_PLACE = { folder: null, file: null, search: "" };

/** What is not needed before something is open. */
const loadViews = () => import("./views/all.js");

/** What is open. */
interface Opened {
  session: Session;
  context: Context;
  views: Record<ViewName, View>;
  /** Stops what concerns only it. */
  closing: AbortController;
}

/** The page: what is open, and where in it the visitor is. */
export class App {
  readonly #shell: Shell;
  readonly #opener = new Opener((chosen) => void this.#choose(chosen));
  #opened: Opened | undefined;
  /** Holds nothing yet. Its worker starts early, so that it is ready when a file is opened. */
  #spare: Session | undefined = new Session();
  /** Stops what is being opened. */
  #opening = new AbortController();
  #route = parseRoute(location.hash);
  /** Where the visitor was in the list of files: the section leads back there. */
  #filesPlace: Pick<Route, "folder" | "file" | "search"> = NO_PLACE;

  constructor(root: HTMLElement) {
    this.#shell = new Shell(root, { onClose: () => void this.#close(), onLeave: () => this.#back() });
    root.append(this.#opener.element);
    addEventListener("hashchange", () => this.#follow(parseRoute(location.hash)));
    takeDrops((chosen) => void chosen.then((some) => this.#choose(some), (error: unknown) => this.#showProblem("", error)));
  }

  /** Opens what the address names, if the page may. */
  async start(): Promise<void> {
    // If it fails, opening tries again, and reports it.
    loadViews().catch(() => {});
    const last = await lastFileHandle();
    if (this.#route.isSample) {
      await this.#openSample();
    } else if (location.hash !== "" && last && (await last.queryPermission?.()) === "granted") {
      await this.#openAgain(last);
    } else {
      this.#showEmpty(null, last);
    }
  }

  #showEmpty(problem: HTMLElement | null, again?: LastFileHandle): void {
    const content = empty({
      problem,
      opener: this.#opener,
      sample: () => void this.#openSample(),
      again,
      openAgain: (handle) => void this.#openAgain(handle),
      isLinked: this.#route.at !== null,
    });
    this.#shell.showPlain(content);
  }

  /** Says why a file cannot be opened, above what is open. */
  #showProblem(file: string, error: unknown): void {
    const box = notOpenedBox(file, problemOf(error), () => box.remove());
    if (this.#opened) {
      this.#shell.leaveOver();
      this.#shell.showNotice(box);
      box.scrollIntoView({ block: "nearest" });
    } else {
      this.#showEmpty(box);
    }
  }

  /** Shows what is open, or that nothing is. */
  #back(): void {
    this.#opening.abort();
    if (this.#opened) {
      this.#shell.leaveOver();
    } else {
      this.#showEmpty(null);
    }
  }

  #choose({ candidates, sidecars }: Chosen): void {
    const [only, ...others] = candidates;
    if (only && others.length === 0) {
      void this.#openChosen(only);
    } else if (!only && sidecars.length > 0) {
      void this.#takeSidecars(sidecars);
    } else {
      this.#shell.showOver(chooser(candidates, (candidate) => void this.#openChosen(candidate), () => this.#back()));
    }
  }

  /** Compares what is open with checksums that were given alone. */
  async #takeSidecars(files: File[]): Promise<void> {
    const [{ name }] = files as [File];
    if (!this.#opened) {
      this.#showProblem(name, new Error(strings.sidecars.alone));
      return;
    }
    try {
      await this.#opened.context.sidecars.add(files);
      this.#opened.context.go({ view: "validate" });
    } catch (error) {
      this.#showProblem(name, error);
    }
  }

  async #openChosen(candidate: Candidate): Promise<void> {
    if (candidate.missing !== undefined) {
      this.#showProblem(candidate.name, new Error(strings.folder.missingPiece(candidate.missing, candidate.files.length)));
    } else if (await this.#open(candidate)) {
      void rememberLastFile(candidate.handle);
    }
  }

  async #openAgain(handle: LastFileHandle): Promise<void> {
    try {
      const state = await handle.requestPermission?.();
      if (state !== "denied") {
        this.#choose(await chosenFile(handle));
      }
    } catch (error) {
      this.#showProblem(handle.name, error);
    }
  }

  async #openSample(): Promise<void> {
    const { address, name } = SAMPLE;
    try {
      const answer = await fetch(address);
      if (!answer.ok || !answer.body) {
        throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
      }
      const plain = new Response(answer.body.pipeThrough(new DecompressionStream("gzip")));
      const file = new File([await plain.blob()], name);
      await this.#open({ name, files: [file], sidecars: [] }, { isSample: true });
    } catch (error) {
      this.#showProblem(name, error);
    }
  }

  /** Opens it in the place of what is open, which stays if it cannot be opened. False if it was not opened. */
  async #open(candidate: Candidate, { isSample = false, partition }: { isSample?: boolean; partition?: Partition | null } = {}): Promise<boolean> {
    this.#opening.abort();
    const opening = (this.#opening = new AbortController());
    const { name: file, files, areOneDisk = false } = candidate;
    // Before its partitions were shown, it was asked already.
    if (!partition && !(await this.#mayReplace(strings.ask.open(plainName(file))))) {
      return false;
    }
    const session = this.#spare ?? new Session();
    this.#spare = undefined;
    const label = strings.shell.opening(plainName(file));
    const meter = new Meter(label, strings.shell.cancel, (text) => this.#shell.announce(text), () => opening.abort());
    const waiting = setTimeout(() => this.#shell.showOver(h("div", { class: "view narrow" }, meter.element)), MILLISECONDS_BEFORE_WAITING);
    try {
      const question = { files, areOneDisk, name: file, partition };
      const info = await session.ask("open", question, { signal: opening.signal, onProgress: (progress) => meter.update(progress) });
      clearTimeout(waiting);
      const route = this.#opened ? parseRoute("") : this.#route;
      this.#route = { ...route, isSample };
      // Which of several files refers to the others is known now.
      const listPartitions = partition === undefined && partitionOf(info) !== null ? () => void this.#open(candidate, { isSample, partition: null }) : null;
      await this.#show(session, areOneDisk ? { ...candidate, name: info.source } : candidate, info, listPartitions);
      return true;
    } catch (error) {
      clearTimeout(waiting);
      if (this.#spare) {
        void session.close();
      } else {
        this.#spare = session;
      }
      if (opening !== this.#opening) {
        return false;
      }
      const { code, partitions } = problemOf(error);
      if (isAbort(error)) {
        this.#back();
      } else if (code === "disk" && partitions) {
        const choose = (chosen: Partition) => void this.#open(candidate, { isSample, partition: chosen });
        this.#shell.showOver(partitionChooser(partitions, choose, () => this.#back()));
      } else {
        this.#showProblem(partition ? strings.partitions.of(file, partition.number) : file, error);
      }
      return false;
    }
  }

  async #show(session: Session, candidate: Candidate, info: Info, listPartitions: (() => void) | null): Promise<void> {
    const { viewsOf } = await loadViews();
    const closing = new AbortController();
    const context: Context = {
      session,
      name: candidate.name,
      size: sizeOf(candidate),
      info,
      listPartitions,
      closed: closing.signal,
      survey: new Survey(session, closing.signal),
      jobs: new Jobs(),
      sidecars: new SidecarFiles(candidate),
      go: (to) => this.#go(within(to.view ?? this.#route.view, { ...this.#route, ...to })),
      note: (at) => this.#note(at),
      announce: (text) => this.#shell.announce(text),
    };
    const views = viewsOf(context);
    void this.#end();
    this.#filesPlace = NO_PLACE;
    this.#opened = { session, context, views, closing };
    this.#shell.showOpened(candidate.name, [new Tray(context.jobs).element, this.#openAnother()], VIEWS.map((view) => views[view].element));
    this.#shell.announce(strings.shell.opened(plainName(candidate.name)));
    this.#follow(this.#route);
    history.replaceState(null, "", formatRoute(this.#route));
  }

  #openAnother(): HTMLElement {
    const text = strings.shell.another;
    return h("button", { type: "button", class: "small open-another", "aria-label": text, title: text, click: () => void this.#opener.pickFile() }, icon("plus"), h("span", {}, text));
  }

  #go(route: Route): void {
    const hash = formatRoute(route);
    if (hash === location.hash) {
      this.#follow(route);
    } else {
      location.hash = hash;
    }
  }

  #note(to: Partial<Route>): void {
    this.#route = { ...this.#route, ...to };
    history.replaceState(null, "", formatRoute(this.#route));
    this.#showRoute();
  }

  #follow(route: Route): void {
    if (!this.#opened) {
      this.#route = route;
      if (route.isSample) {
        void this.#openSample();
      }
      return;
    }
    // What is open stays open, whatever the address says of it.
    this.#route = { ...route, isSample: this.#route.isSample };
    const { views } = this.#opened;
    for (const view of VIEWS) {
      views[view].element.hidden = view !== route.view;
    }
    this.#showRoute();
    views[route.view].show?.(this.#route);
  }

  #showRoute(): void {
    const { view, folder, file, search } = this.#route;
    if (view === "files") {
      this.#filesPlace = { folder, file, search };
    }
    this.#shell.showRoute({ ...this.#route, ...this.#filesPlace });
  }

  /** Whether what runs may be cancelled; `next` names what comes then. */
  async #mayReplace(next: string): Promise<boolean> {
    const running = this.#opened?.context.jobs.running ?? [];
    if (running.length === 0) {
      return true;
    }
    const isYes = await new Promise<boolean>((answer) => {
      this.#opening.signal.addEventListener("abort", () => answer(false));
      this.#shell.showOver(askWhileRunning(running, next, answer));
    });
    this.#shell.leaveOver();
    return isYes;
  }

  /** Closes what is open, if anything is. */
  async #end(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.closing.abort();
    await opened?.session.close();
  }

  async #close(): Promise<void> {
    this.#opening.abort();
    this.#opening = new AbortController();
    if (!(await this.#mayReplace(strings.ask.close))) {
      return;
    }
    const closed = this.#end();
    this.#spare ??= new Session();
    this.#route = parseRoute("");
    history.replaceState(null, "", location.pathname + location.search);
    this.#showEmpty(null);
    await closed;
  }
}
