/** What went wrong, by what the caller can do about it. No text of these holds a secret, an image or a feature. */

export class PhasekeyError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** The bundle is missing, damaged, or more than this port can do. */
export class BundleError extends PhasekeyError {}

/** An argument does not fit: an image's size or type, a secret, a setting. Nothing was sent. */
export class InputError extends PhasekeyError {}

/** The server did not answer, or not as it should. */
export class CallError extends PhasekeyError {
  /**
   * @param code the gRPC status; undefined where the answer itself makes no sense.
   * @param retryable whether the same prediction may succeed a moment later.
   */
  constructor(
    message: string,
    readonly code?: number,
    readonly retryable = false,
  ) {
    super(message);
  }
}
