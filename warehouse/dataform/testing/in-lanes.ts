export type Job<Place, Result> = (place: Place) => Promise<Result>;

/**
 * Carries out jobs in as many places as there are, each in whichever is free, begun in their order. A place may still be opening
 * when the first begins. The results come in the order of the jobs. What one throws is thrown when no other is at work any more.
 */
export async function inLanes<Place, Result>(
  jobs: readonly Job<Place, Result>[],
  places: readonly Promise<Place>[],
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let next = 0;
  let hasFailed = false;
  const lane = async (opening: Promise<Place>): Promise<void> => {
    try {
      const place = await opening;
      for (let at = next++; at < jobs.length && !hasFailed; at = next++) results[at] = await jobs[at]!(place);
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  const ended = await Promise.allSettled(places.map(lane));
  for (const one of ended) if (one.status === "rejected") throw one.reason;
  return results;
}
