/** Whose each row is, as a number: one person's rows go together. */
export type People = ArrayLike<number>;

/**
 * Standard error of a sum of influences, those of one person added up first (cluster-robust, with the factor n / (n - 1) for n people;
 * Cameron & Miller 2015, Journal of Human Resources 50). Rows of nobody (NaN) are people of their own. Infinite for fewer than two people.
 */
export function errorOver(people: People, influence: ArrayLike<number>): number {
  const byPerson = new Map<number, number>();
  let alone = 0;
  let persons = 0;
  for (let i = 0; i < influence.length; i++) {
    const person = people[i]!;
    if (Number.isNaN(person)) {
      alone += influence[i]! ** 2;
      persons += 1;
    } else byPerson.set(person, (byPerson.get(person) ?? 0) + influence[i]!);
  }
  let squares = alone;
  for (const value of byPerson.values()) squares += value * value;
  persons += byPerson.size;
  return persons < 2 ? Number.POSITIVE_INFINITY : Math.sqrt((squares * persons) / (persons - 1));
}
