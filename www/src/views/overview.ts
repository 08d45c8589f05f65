import type { Info, Run, VolumeSummary } from "ntfsclone";
import type { Context, View } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { contentsOf } from "../map/coverage.js";
import { swatchOf } from "../map/legend.js";
import { MapView } from "../map/view.js";
import { name } from "../names.js";
import { count, hexadecimal, percent, size } from "../numbers.js";
import { strings } from "../strings.js";
import type { Survey } from "../survey.js";

const words = strings.overview;

/** A summary of what is open. */
export function overview(context: Context): View {
  const { info } = context;
  const clusters = info.volume?.clusters ?? info.image?.clusters ?? 0;
  const map = clusters > 0 ? new MapView(context, clusters) : undefined;
  const element = h(
    "div",
    { class: "view overview" },
    summary(context),
    actions(context),
    ...notices(context),
    map?.element,
    moreFacts(context),
  );
  return { element, show: ({ at, of }) => map?.show(of === "volume" ? at : null) };
}

/** What experts ask for. Of what is damaged there may be nothing else. */
function moreFacts(context: Context): HTMLElement {
  const { info } = context;
  return h(
    "details",
    { class: "more-facts", open: info.volume === null },
    h("summary", {}, words.moreFacts),
    h(
      "div",
      { class: "columns" },
      info.volume && facts(words.volumeFacts, volumeFacts(info.volume)),
      h("div", { class: "stack" }, info.image && facts(words.imageFacts, imageFacts(info)), facts(words.sourceFacts, sourceFacts(context))),
      info.volume?.usage && info.volume.usage.largest_free.length > 0 && freeRuns(context, info.volume.usage.largest_free, info.volume.cluster_size),
    ),
  );
}

export function kindOf({ format, image }: Info): string {
  if (format === "ntfs-volume") {
    return words.volume;
  }
  return image?.is_metadata ? words.metadata : words.image;
}

function summary({ info, name: file, survey }: Context): HTMLElement {
  const { volume } = info;
  const usage = volume?.usage;
  const files = h("span");
  // Counted as the list of files does.
  survey.follow((state) => state.kind === "done" && fill(files, ` · ${words.files(count(state.found.files))}`));
  return h(
    "section",
    { class: "card summary" },
    h(
      "div",
      { class: "summary-name" },
      h("p", { class: "eyebrow" }, kindOf(info)),
      h("h1", {}, volume ? (volume.label ? name(volume.label) : words.unlabelled) : name(file)),
      volume &&
        h(
          "p",
          { class: "summary-line" },
          [
            size(volume.size),
            volume.ntfs_version === null ? null : `NTFS ${volume.ntfs_version}`,
          ]
            .filter((part) => part !== null)
            .join(" · "),
          files,
        ),
    ),
    volume && usage ? usageBar(volume, usage.used, usage.free, survey) : h("p", { class: "muted" }, volume ? words.noUsage : words.noVolume),
  );
}

/** What can be done next. */
function actions({ info, go }: Context): HTMLElement {
  const { volume, image } = info;
  // Without the content of files, a disk would be of no use.
  const views = (["files", "validate", "convert"] as const).filter((view) => view !== "convert" || (volume && !image?.is_metadata));
  const action = (view: keyof typeof words.actions) => {
    const [title, text] = words.actions[view];
    return h("li", {}, h("button", { type: "button", class: "action", click: () => go({ view }) }, h("strong", {}, title), h("span", { class: "muted" }, text)));
  };
  return h("ul", { class: "actions" }, ...views.map(action));
}

/** Used and free space, by kinds of owners when they are known. */
function usageBar({ cluster_size, clusters }: VolumeSummary, used: number, free: number, survey: Survey): HTMLElement {
  const bar = h("div", { class: "usage-bar", "aria-hidden": "true" });
  const show = (parts: Iterable<[string, number]>) => {
    const segments = [...parts].map(([kind, part]) => {
      const segment = h("div", { class: `swatch ${kind}` });
      segment.style.width = `${(100 * part) / Math.max(1, clusters)}%`;
      return segment;
    });
    fill(bar, ...segments);
  };
  show([["used", used]]);
  survey.follow((state) => state.kind === "done" && show([...contentsOf(state.found.whole, 0, clusters).kinds].map(([kind, part]) => [swatchOf(kind), part])));
  const figure = (label: string, part: number) =>
    h(
      "div",
      { class: "usage-figure" },
      h("dt", {}, label),
      h("dd", {}, h("strong", {}, size(part * cluster_size)), " ", h("span", { class: "muted" }, percent(part, clusters))),
    );
  return h("div", { class: "usage" }, bar, h("dl", {}, figure(words.used, used), figure(words.free, free)));
}

type Remedy = keyof typeof words.remedies | null;

/** What a visitor should know before anything is done, each with a button that does what it advises. */
function notices({ info: { volume, warnings }, listPartitions, go }: Context): HTMLElement[] {
  const flags: readonly (readonly [boolean | null | undefined, readonly string[], Remedy])[] = [
    [volume?.is_from_backup_boot_sector, words.flags.backupBoot, "bytes"],
    [volume?.is_dirty, words.flags.dirty, "validate"],
    [volume?.is_hibernated, words.flags.hibernated, null],
    [volume?.unclean?.includes("journal"), words.flags.journal, "validate"],
    [volume?.unclean?.some((reason) => reason !== "journal"), words.flags.unfinished, "validate"],
  ];
  const remedyOf = (remedy: Remedy) =>
    remedy && h("button", { type: "button", class: "small", click: () => go(remedy === "bytes" ? { view: remedy, of: "volume", at: 0 } : { view: remedy }) }, words.remedies[remedy]);
  const notices = flags.filter(([isSet]) => isSet).map(([, [title = "", text = ""], remedy]) => notice(title, text, remedyOf(remedy)));
  if (warnings.length > 0) {
    const list = h("ul", {}, ...warnings.map((warning) => h("li", {}, name(warning))));
    // The one that reports which partition is open is no damage.
    const isDamaged = warnings.length > (listPartitions ? 1 : 0);
    const others = listPartitions && h("button", { type: "button", class: "small list-partitions", click: listPartitions }, words.otherPartitions);
    notices.push(notice(words.warnings, list, isDamaged && remedyOf("validate"), others));
  }
  return notices;
}

function notice(title: string, content: Child, ...remedies: Child[]): HTMLElement {
  return h("div", { class: "notice warning" }, icon("alert"), h("div", { class: "notice-text" }, h("strong", {}, title), " ", content), ...remedies);
}

type Fact = readonly [string, Child];

function facts(title: string, list: Fact[]): HTMLElement {
  const known = list.filter(([, value]) => value !== null && value !== undefined);
  return h(
    "section",
    { class: "card facts" },
    h("h2", {}, title),
    h("dl", {}, ...known.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)))),
  );
}

function volumeFacts(volume: VolumeSummary): Fact[] {
  const terms = words.facts;
  return [
    [terms.label, volume.label === null ? words.unknown : volume.label === "" ? words.unlabelled : name(volume.label)],
    [terms.version, volume.ntfs_version ?? words.unknown],
    [terms.serial, h("code", {}, volume.serial)],
    [terms.size, sizeAndBytes(volume.size)],
    [terms.clusterSize, size(volume.cluster_size)],
    [terms.sectorSize, size(volume.sector_size)],
    [terms.clusters, count(volume.clusters)],
    [terms.runs, volume.usage && count(volume.usage.runs)],
    [terms.mft, terms.cluster(count(volume.mft_lcn))],
    [terms.recordSize, size(volume.mft_record_size)],
    [terms.indexSize, size(volume.index_record_size)],
    [
      terms.records,
      volume.records_in_use === null ? count(volume.records) : terms.recordsInUse(count(volume.records_in_use), count(volume.records)),
    ],
  ];
}

function imageFacts({ image }: Info): Fact[] {
  const terms = words.facts;
  if (!image) {
    return [];
  }
  return [
    [terms.formatVersion, image.version],
    [terms.holds, image.is_metadata === null ? words.unknown : image.is_metadata ? terms.holdsMetadata : terms.holdsAll],
    [terms.clustersInUse, `${count(image.clusters_in_use)} (${size(image.clusters_in_use * image.cluster_size)})`],
    [terms.deviceSize, sizeAndBytes(image.device_size)],
  ];
}

function sourceFacts({ name: source, size: bytes, info }: Context): Fact[] {
  const terms = words.facts;
  const made = info.made && Object.entries(info.made).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
  return [
    [terms.name, name(source)],
    [terms.size, sizeAndBytes(bytes)],
    [terms.format, kindOf(info)],
    [terms.layers, info.layers.length > 0 ? name(info.layers.join(", ")) : null],
    [terms.made, made && made.length > 0 ? h("ul", {}, ...made.map(([key, value]) => h("li", {}, name(`${key}: ${String(value)}`)))) : null],
  ];
}

function freeRuns(context: Context, runs: Run[], clusterSize: number): HTMLElement {
  const row = ({ lcn, clusters }: Run) =>
    h(
      "li",
      {},
      h("strong", {}, size(clusters * clusterSize)),
      h(
        "button",
        { type: "button", class: "link", click: () => context.go({ view: "overview", at: lcn * clusterSize, of: "volume" }) },
        words.facts.cluster(count(lcn)),
      ),
      h("code", { class: "muted" }, hexadecimal(lcn * clusterSize)),
    );
  return h("section", { class: "card facts" }, h("h2", {}, words.largestFree), h("ol", { class: "runs" }, ...runs.slice(0, 8).map(row)));
}

function sizeAndBytes(bytes: number): Child {
  return bytes < 1024 ? size(bytes) : h("span", {}, size(bytes), " ", h("span", { class: "muted" }, `(${count(bytes)} bytes)`));
}
