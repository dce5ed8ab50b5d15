import { type Report, titleOf } from './report.ts';
import { cases } from './requests.ts';

const width = 640;
const labelWidth = 170;
const barWidth = 330;
const [barHeight, barGap, groupGap] = [16, 4, 34];

/** What node:http can do at all would make bars of a few pixels of all others. */
const drawn = ({ lines }: Report) => lines.filter(({ contender }) => contender !== 'limit');

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Bars of requests a second, by case, with the range over the rounds; readable on a light and on a dark page. */
export function pictureOf(report: Report): string {
  const parts: string[] = [];
  let y = 8;
  for (const [what, title] of Object.entries(cases)) {
    const lines = drawn(report).filter((line) => line.case === what);
    if (lines.length === 0) continue;
    y += groupGap - barGap;
    parts.push(`<text x="8" y="${y - 8}" font-weight="bold">${escaped(title)}</text>`);
    const most = Math.max(...lines.map(({ perSecond }) => perSecond.max));
    const scaled = (value: number) => Math.round((value / most) * barWidth);
    for (const { contender, perSecond, serviceRatio } of lines) {
      const middle = y + barHeight / 2;
      const label = serviceRatio
        ? `${Math.round(perSecond.median)}/s  (service ${serviceRatio.median.toFixed(2)}×)`
        : `${Math.round(perSecond.median)}/s`;
      const [from, to] = [labelWidth + scaled(perSecond.min), labelWidth + scaled(perSecond.max)];
      parts.push(
        `<text x="8" y="${middle + 4}">${escaped(titleOf(contender))}</text>`,
        `<rect x="${labelWidth}" y="${y}" width="${scaled(perSecond.median)}" height="${barHeight}" fill="${contender === 'service' ? '#2f81f7' : '#8b949e'}"/>`,
        `<path d="M${from} ${middle}H${to}M${from} ${middle - 4}v8M${to} ${middle - 4}v8" stroke="#57606a" fill="none"/>`,
        `<text x="${labelWidth + barWidth + 8}" y="${middle + 4}">${label}</text>`,
      );
      y += barHeight + barGap;
    }
  }
  const { connections, rounds, seconds } = report.setting;
  const note = `answers a second, one core, ${connections} connections: median and range of ${rounds} rounds of ${seconds} s; node ${report.machine.node}`;
  y += 22;
  parts.push(`<text x="8" y="${y - 6}" font-size="11">${escaped(note)}</text>`);
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="sans-serif" font-size="12" fill="#6e7781">`;
  return `${head}\n<title>How many answers a second each gives</title>\n${parts.join('\n')}\n</svg>\n`;
}
