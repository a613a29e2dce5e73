//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The log of requests that models can be trained on: one JSON object a line, for all requests of some keys.
///
/// ```swift
/// policy.mlLogging = MLLogging(sampleRate: 0.01, sink: FileLogSink(path: "/var/log/app/cache.jsonl"))
/// ```
///
/// Keys are sampled, not requests, so that the log shows when what was asked for is asked for again; the `weight` in each line says
/// for how many keys one stands. Lines are written outside the request's path. What there is no room for is dropped and counted
/// (``CacheLayer/logStatistics``).
public struct MLLogging: Sendable {
  /// Whether there is a log.
  public var enabled: Bool
  /// The part of the keys whose requests are logged: above 0, at most 1.
  public var sampleRate: Double
  /// Whether keys are replaced by a keyed hash (SipHash), from which nobody can guess them. Tags are not.
  public var hashKeys: Bool
  /// The key of that hash; empty (the default) for one of this process's own. Give the same to all who are to write the same
  /// hashes.
  public var hashSecret = ""
  /// Whether each request gets an identifier, which the handler, the response and the log have in common: the request's
  /// `X-Request-ID` if it is at most 128 visible ASCII characters, else the trace ID of its `traceparent`, else a new one. It is sent in
  /// `X-Request-ID`, and never stored.
  public var includeRequestID: Bool
  /// The `tier` of responses that came from the memory of this process.
  public var l1: String
  /// The `tier` of responses that came from a store beyond it.
  public var l2: String
  /// Where the lines go.
  public var sink: any CacheLogSink

  /// - Parameters: see the properties of the same names.
  public init(
    enabled: Bool = true, sampleRate: Double = 1, hashKeys: Bool = true, includeRequestID: Bool = false,
    l1: String = "l1", l2: String = "l2", sink: any CacheLogSink
  ) {
    self.enabled = enabled
    self.sampleRate = sampleRate
    self.hashKeys = hashKeys
    self.includeRequestID = includeRequestID
    self.l1 = l1
    self.l2 = l2
    self.sink = sink
  }

  func validate() throws(CacheConfigurationError) {
    guard sampleRate > 0, sampleRate <= 1 else {
      throw CacheConfigurationError(
        "mlLogging.sampleRate is \(sampleRate): give a part of the keys above 0, at most 1, or set enabled to false")
    }
  }

  /// The first halves of digests that are logged are below this.
  var threshold: UInt64 { enabled ? .threshold(forRate: sampleRate) : 0 }
}

extension UInt64 {
  /// The bound of the numbers that are this part of all.
  static func threshold(forRate rate: Double) -> UInt64 {
    // Nothing for what is no number, too.
    guard rate > 0 else { return 0 }
    return rate >= 1 ? .max : UInt64(rate * 0x1p64)
  }
}
