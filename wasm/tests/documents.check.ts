// The types that are given out are those of Rust: this compiles, or they are not.
import type * as Given from "../js/documents.js";
import type * as Formats from "../js/formats.js";
import type * as Rust from "./documents.generated.js";

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Place = "in" | "offset" | "length";

// What a program wrote into `made`, no type of Rust tells.
export const info: Same<Omit<Given.Info, "made">, Omit<Rust.Info, "made">> = true;
export const report: Same<Omit<Given.Report, "findings">, Omit<Rust.VerifyReport, "findings">> = true;
// The place may be missing, as a whole.
export const finding: Same<Omit<Given.Finding, Place>, Rust.Finding> = true;
export const place: Rust.Place extends Pick<Given.Finding, Place> ? true : false = true;
export const code: Same<Given.FindingCode, Rust.Code> = true;
export const surveyed: Same<Given.SurveyedFile, Rust.Surveyed> = true;
export const stream: Same<Given.SurveyedStream, Rust.SurveyedStream> = true;
export const name: Same<Given.SurveyedName, Rust.SurveyedName> = true;
export const listed: Same<Omit<Given.ListedFile, "times">, Omit<Rust.ListedFile, "times">> = true;
export const listedStream: Same<Given.ListedStream, Rust.ListedStream> = true;
export const unlisted: Same<Given.Unlisted, Rust.Unlisted> = true;
export const remains: Same<Given.Remains, Rust.Remains> = true;
export const resizeLimits: Same<Given.ResizeLimits, Rust.ResizeLimits> = true;
export const resized: Same<Given.Resized, Rust.Resized> = true;
export const sensitive: Same<Given.Sensitive, Rust.Sensitive> = true;
export const wiped: Same<Given.Wiped, Rust.Wiped> = true;
export const target: Same<Formats.Target, Rust.Target> = true;
export const holder: Same<Given.Holder, Rust.Holder> = true;
