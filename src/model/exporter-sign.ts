// What decode noticed about an exporter that is probably not as its owner wants it (docs/decisions/0051): a fact with its numbers.
// `app/findings` has the words.

export type SignKind =
  | 'gateway-trap'
  | 'agents-behind-one-address'
  | 'templates-missing'
  | 'templates-rare'
  | 'sampling-unsaid'
  | 'counters-impossible'
  | 'times-impossible'
  | 'directions-doubled'
  | 'clock-zone'
  | 'clock-wrong';

export interface ExporterSign {
  readonly kind: SignKind;
  /** Address. */
  readonly exporter: string;
  /** Numbers and words for the sentence, by name. */
  readonly values: Readonly<Record<string, string | number>>;
  /** Private enterprise numbers in its templates: they tell whose device it is. */
  readonly enterprises: readonly number[];
}
