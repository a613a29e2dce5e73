//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Something that has metrics: a cache, a store, or a part of an application that is to be exposed beside them.
///
/// A ``CacheBackend`` that is also a source contributes to the metrics of its cache (``CacheLayer/metrics``). Names begin
/// with what the source is called, such as `http_cache_redis_`; labels have few values, all of them known beforehand, and
/// every series is there from the start, with 0.
public protocol MetricsSource: Sendable {
  /// The metrics as they are now. Called when somebody asks for them, from any thread: it may take some microseconds, and
  /// should not wait for anything.
  var metrics: MetricsSnapshot { get }
}
