import type { Info, Partition } from "ntfsclone";
import type { Context, View } from "./context.js";
import { h } from "./dom.js";
import { isAbort, problemOf } from "./failure.js";
import { sizeOf, type Candidate } from "./files.js";
import { lastFileHandle, rememberLastFile, type LastFileHandle } from "./last-file-handle.js";
import { plainName } from "./names.js";
import { Meter } from "./progress.js";
import { formatRoute, parseRoute, VIEWS, within, type Route, type ViewName } from "./route.js";
import { Session } from "./session.js";
import { Shell } from "./shell.js";
import { strings } from "./strings.js";
import { Survey } from "./survey.js";
import { bytes } from "./views/bytes.js";
import { convert } from "./views/convert.js";
import { files } from "./views/files.js";
import { chooser, empty, partitionChooser, takeDrops } from "./views/empty.js";
import { overview } from "./views/overview.js";
import { problemBox } from "./views/problem.js";
import { validate } from "./views/validate.js";

/** Compressed for the way only: opened, it is a plain image. Its name must not make a server decompress it. */
const SAMPLE = { address: "sample.gzip", name: "sample.img" };
/** What opens faster needs no word. */
const MILLISECONDS_BEFORE_WAITING = 150;

/** The page: what is open, and where in it the visitor is. */
export class App {
  readonly #session = new Session();
  readonly #shell: Shell;
  /** Stops what concerns only what is open, or being opened. */
  #current = new AbortController();
  #views: Record<ViewName, View> | undefined;
  #route = parseRoute(location.hash);

  constructor(root: HTMLElement) {
    this.#shell = new Shell(root, () => void this.#close());
    addEventListener("hashchange", () => this.#follow(parseRoute(location.hash)));
    takeDrops((candidates) => void candidates.then((some) => this.#choose(some), (error: unknown) => this.#showEmpty(error)));
  }

  /** Opens what the address names, if the page may. */
  async start(): Promise<void> {
    const last = await lastFileHandle();
    if (this.#route.isSample) {
      await this.#openSample();
    } else if (location.hash !== "" && last && (await last.queryPermission?.()) === "granted") {
      await this.#openAgain(last);
    } else {
      this.#showEmpty(undefined, last);
    }
  }

  #showEmpty(error?: unknown, again?: LastFileHandle): void {
    const content = empty({
      problem: error === undefined ? null : problemBox(problemOf(error)),
      choose: (candidates) => this.#choose(candidates),
      sample: () => void this.#openSample(),
      again,
      openAgain: (handle) => void this.#openAgain(handle),
      isLinked: this.#route.at !== null,
    });
    this.#shell.showPlain(content);
  }

  #choose(candidates: Candidate[]): void {
    const [only, ...others] = candidates;
    if (only && others.length === 0) {
      void this.#openChosen(only);
    } else {
      this.#shell.showPlain(chooser(candidates, (candidate) => void this.#openChosen(candidate), () => void this.#close()));
    }
  }

  async #openChosen(candidate: Candidate): Promise<void> {
    this.#route = { ...this.#route, isSample: false };
    await this.#open(candidate);
    void rememberLastFile(candidate.handle);
  }

  async #openAgain(handle: LastFileHandle): Promise<void> {
    try {
      const state = await handle.requestPermission?.();
      if (state === "denied") {
        return;
      }
      await this.#open({ name: handle.name, files: [await handle.getFile()], handle });
    } catch (error) {
      this.#showEmpty(error);
    }
  }

  async #openSample(): Promise<void> {
    try {
      const { address, name } = SAMPLE;
      const answer = await fetch(address);
      if (!answer.ok || !answer.body) {
        throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
      }
      const plain = new Response(answer.body.pipeThrough(new DecompressionStream("gzip")));
      const file = new File([await plain.blob()], name);
      this.#route = { ...this.#route, isSample: true };
      await this.#open({ name, files: [file] });
    } catch (error) {
      this.#showEmpty(error);
    }
  }

  async #open(candidate: Candidate, partition?: Partition): Promise<void> {
    this.#current.abort();
    this.#views = undefined;
    const current = (this.#current = new AbortController());
    const { name: file, files, areOneDisk = false } = candidate;
    const label = strings.shell.opening(plainName(file));
    const meter = new Meter(label, strings.shell.cancel, (text) => this.#shell.announce(text), () => current.abort());
    const waiting = setTimeout(() => this.#shell.showPlain(h("div", { class: "view narrow" }, meter.element)), MILLISECONDS_BEFORE_WAITING);
    try {
      const question = { files, areOneDisk, name: file, partition };
      const info = await this.#session.ask("open", question, { signal: current.signal, onProgress: (progress) => meter.update(progress) });
      // Which of several files refers to the others is known now.
      this.#show(areOneDisk ? { ...candidate, name: info.source } : candidate, info, current.signal);
    } catch (error) {
      if (current !== this.#current) {
        return;
      }
      const { code, partitions } = problemOf(error);
      if (isAbort(error)) {
        this.#showEmpty();
      } else if (code === "disk" && partitions) {
        this.#shell.showPlain(partitionChooser(partitions, (chosen) => void this.#open(candidate, chosen), () => void this.#close()));
      } else {
        this.#showEmpty(error);
      }
    } finally {
      clearTimeout(waiting);
    }
  }

  #show(candidate: Candidate, info: Info, closed: AbortSignal): void {
    const context: Context = {
      session: this.#session,
      name: candidate.name,
      size: sizeOf(candidate),
      info,
      closed,
      survey: new Survey(this.#session, closed),
      go: (to) => this.#go(within(to.view ?? this.#route.view, { ...this.#route, ...to })),
      note: (at) => this.#note(at),
      announce: (text) => this.#shell.announce(text),
    };
    const views = { overview: overview(context), files: files(context), validate: validate(context), convert: convert(context), bytes: bytes(context) };
    this.#views = views;
    this.#shell.showOpened(candidate.name, () => void this.#close(), VIEWS.map((view) => views[view].element));
    this.#shell.announce(strings.shell.opened(plainName(candidate.name)));
    this.#follow(this.#route);
    history.replaceState(null, "", formatRoute(this.#route));
  }

  #go(route: Route): void {
    const hash = formatRoute(route);
    if (hash === location.hash) {
      this.#follow(route);
    } else {
      location.hash = hash;
    }
  }

  #note({ at, of }: Pick<Route, "at" | "of">): void {
    this.#route = { ...this.#route, at, of };
    history.replaceState(null, "", formatRoute(this.#route));
    this.#shell.showRoute(this.#route);
  }

  #follow(route: Route): void {
    const isSample = this.#route.isSample;
    // What is open stays open, whatever the address says of it.
    this.#route = this.#views ? { ...route, isSample } : route;
    if (!this.#views) {
      if (route.isSample) {
        void this.#openSample();
      }
      return;
    }
    for (const view of VIEWS) {
      this.#views[view].element.hidden = view !== route.view;
    }
    this.#shell.showRoute(this.#route);
    this.#views[route.view].show?.(this.#route);
  }

  async #close(): Promise<void> {
    this.#current.abort();
    this.#views = undefined;
    this.#route = parseRoute("");
    history.replaceState(null, "", location.pathname + location.search);
    this.#showEmpty();
    await this.#session.ask("close", null);
  }
}
