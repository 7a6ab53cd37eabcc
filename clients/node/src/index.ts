export { EdgeClient, type ClientOptions, type Prediction } from "./client.js";
export { BundleError, CallError, InputError, PhasekeyError } from "./errors.js";
export type { Image } from "./images.js";
export { readSecret } from "./secret_file.js";
