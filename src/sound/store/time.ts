/**
 * Times are nanoseconds since 1970 in UTC, as in NumPy's `datetime64[ns]`. They are bigints, since numbers
 * are not exact.
 */

const second = 1_000_000_000n;
/** The range of 64-bit nanoseconds. */
const earliest = -(2n ** 63n) + 1n;
const latest = 2n ** 63n - 1n;

/**
 * Parses an ISO 8601 time such as `2017-08-21T09:02:00Z`, `2017-08-21T11:02:00.25+02:00` or `2017-08-21`
 * (midnight). Without a zone it is UTC. Fractions are cut to nine digits.
 *
 * @returns undefined for any other text and for times outside the years 1677 to 2262
 */
export function parseUtc(text: string): bigint | undefined {
  const match =
    /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(Z|[+-]\d\d:?\d\d)?$/i.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hours = "0", minutes = "0", seconds = "0", fraction = "", zone = "Z"] = match;
  const written = [year, month, day, hours, minutes, seconds].map(Number);
  const date = new Date(0);
  date.setUTCFullYear(written[0]!, written[1]! - 1, written[2]!);
  date.setUTCHours(written[3]!, written[4]!, written[5]!);
  const understood = [
    ...[date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()],
    ...[date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()],
  ];
  if (understood.some((part, i) => part !== written[i])) return undefined; // such as the 31st of June
  const [, sign, zoneHours, zoneMinutes] = /([+-])(\d\d):?(\d\d)/.exec(zone) ?? [];
  const ahead = sign === undefined ? 0 : Number(`${sign}1`) * (Number(zoneHours) * 60 + Number(zoneMinutes));
  const milliseconds = BigInt(date.getTime() - ahead * 60_000);
  const time = milliseconds * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return time >= earliest && time <= latest ? time : undefined;
}

/** Formats a time, with as many decimals as it needs: `2017-08-21T09:02:00.032Z`. */
export function formatUtc(time: bigint): string {
  const part = ((time % second) + second) % second;
  const whole = new Date(Number((time - part) / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = part === 0n ? "" : `.${String(part).padStart(9, "0").replace(/0+$/, "")}`;
  return `${whole}${fraction}Z`;
}

/** Returns the time of a sample of a recording that began at `start`. */
export function sampleTime(start: bigint, sample: number, sampleRate: number): bigint {
  return start + roundedRatio(BigInt(sample) * second, BigInt(sampleRate));
}

/** Returns the first sample at or after a time; negative before the start. */
export function sampleAtOrAfter(start: bigint, time: bigint, sampleRate: number): number {
  let sample = Number(((time - start) * BigInt(sampleRate)) / second) - 1;
  while (sampleTime(start, sample, sampleRate) < time) sample++;
  return sample;
}

/** Returns the seconds from one time to another. */
export function secondsBetween(from: bigint, to: bigint): number {
  return Number(to - from) / 1e9;
}

function roundedRatio(a: bigint, b: bigint): bigint {
  const doubled = 2n * a + b;
  const quotient = doubled / (2n * b);
  return doubled < 0n && quotient * 2n * b !== doubled ? quotient - 1n : quotient; // rounds towards minus infinity
}
