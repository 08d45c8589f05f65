/** The path of a file that was chosen, in the folder that was chosen with it: without that folder itself. */
export function pathOf(file: File): string {
  return file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
}
