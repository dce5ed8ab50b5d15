/** The Content-Disposition of a file that is shown in the browser, and saved under `fileName`. */
export function inlineAs(fileName: string): string {
  // Quotes, line ends and what is not ASCII have no place in the plain form; RFC 8187 has one for them.
  const plain = fileName.replace(/[^\w. -]/g, '_');
  const extended = encodeURIComponent(fileName.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `inline; filename="${plain}"${plain === fileName ? '' : `; filename*=UTF-8''${extended}`}`;
}
