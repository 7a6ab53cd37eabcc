/** gRPC: one channel to one server, with gRPC's own retries, which send the same bytes again. */

import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";

import type { Manifest } from "./bundle.js";
import { CallError, InputError } from "./errors.js";
import { checkMetadata, modelRequest, readyReply } from "./messages.js";

const SERVICE = "inference.GRPCInferenceService";
const RETRYABLE = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.RESOURCE_EXHAUSTED, status.INTERNAL];
const OPTIONS = {
  "grpc.enable_http_proxy": 0, // a proxy from the environment would be one more that sees x
  "grpc.service_config_disable_resolution": 1,
  "grpc.enable_retries": 1,
  "grpc.per_rpc_retry_buffer_size": 64 << 20, // above it, gRPC stops retrying without a word
  "grpc.max_receive_message_length": -1,
  "grpc.service_config": JSON.stringify({
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: [
      {
        name: [{ service: SERVICE }],
        retryPolicy: {
          maxAttempts: 3,
          initialBackoff: "0.1s",
          maxBackoff: "2s",
          backoffMultiplier: 2,
          retryableStatusCodes: ["UNAVAILABLE"],
        },
      },
    ],
    retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
  }),
};

/** How to reach a server. */
export interface TransportOptions {
  /** HOST:PORT. */
  target: string;
  /** For TLS, e.g. `credentials.createSsl(roots)` of @grpc/grpc-js; without them x goes in the clear. */
  credentials?: ChannelCredentials;
  /** Gives the bearer token of each call. Over TLS alone. */
  token?: () => string;
  /** Seconds of a call, retries included. */
  timeout?: number;
}

/** A way to one server. */
export class Transport {
  readonly #client: Client;
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    if (!/^(\[[0-9a-fA-F:.]+\]|[^[\]:/\s]+):\d{1,5}$|^unix:/.test(options.target)) {
      throw new InputError(`The target must be HOST:PORT, not ${JSON.stringify(options.target)}.`);
    }
    if (options.token && !options.credentials) throw new InputError("A token goes over TLS alone: give credentials.");
    this.#options = options;
    this.#client = new Client(options.target, options.credentials ?? credentials.createInsecure(), OPTIONS);
  }

  /** Ask, before any x is sent, whether the server has this bundle's other half. */
  async check({ model_name, processing }: Manifest): Promise<void> {
    const { target } = this.#options;
    if (!readyReply(await this.call("ServerReady", new Uint8Array()))) {
      throw new CallError(`The server at ${target} is not ready yet. Try again in a moment.`, undefined, true);
    }
    if (!readyReply(await this.call("ModelReady", modelRequest(model_name)))) {
      throw new CallError(`The server at ${target} does not offer model '${model_name}'.`, status.NOT_FOUND);
    }
    checkMetadata(await this.call("ModelMetadata", modelRequest(model_name)), processing);
  }

  /** One call: bytes out, bytes back. */
  call(method: string, request: Uint8Array): Promise<Uint8Array> {
    const { target, timeout = 30, token } = this.#options;
    const metadata = new Metadata();
    if (token) metadata.set("authorization", `Bearer ${token()}`);
    const deadline = new Date(Date.now() + 1000 * timeout);
    return new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null, reply?: Buffer) =>
        error ? reject(failure(error, target)) : resolve(reply!);
      this.#client.makeUnaryRequest(
        `/${SERVICE}/${method}`,
        (message: Uint8Array) => Buffer.from(message.buffer, message.byteOffset, message.byteLength),
        (reply: Buffer) => reply,
        request,
        metadata,
        { deadline },
        answered,
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** The server's own words are not passed on: it is not trusted. */
function failure({ code }: ServiceError, target: string): CallError {
  const retryable = RETRYABLE.includes(code);
  return new CallError(`The server at ${target} gave no answer: ${status[code]}.`, code, retryable);
}
