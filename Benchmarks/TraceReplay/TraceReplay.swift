//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
package import HTTPCache

/// Replays a request trace against an in-memory backend through its public interface: look up, and store on a miss.
package struct TraceReplay: Sendable {
  /// A request.
  package struct Request: Sendable {
    /// The key that is asked for.
    package var key: UInt64
    /// How large it is.
    package var size: Int

    /// - Parameters: see the properties of the same names.
    package init(key: UInt64, size: Int) {
      self.key = key
      self.size = size
    }
  }

  /// The result of a replay.
  package struct Outcome: Equatable, Sendable {
    /// Requests.
    package var requests = 0
    /// The number of requests that were hits.
    package var hits = 0
    /// The sizes of all.
    package var bytes = 0
    /// The sizes of the hits.
    package var hitBytes = 0

    /// The hit ratio in percent.
    package var hitRatio: Double { requests == 0 ? 0 : 100 * Double(hits) / Double(requests) }
    /// The part of the bytes that were hits, in percent.
    package var byteHitRatio: Double { bytes == 0 ? 0 : 100 * Double(hitBytes) / Double(bytes) }
  }

  /// The requests in their order.
  package var requests: [Request]
  /// Whether a key of another size is another key, where sizes count.
  private let distinguishesSizes: Bool
  /// Entries weigh so many bytes for each unit of size, of which the bookkeeping that they are also charged for is part.
  private let unit: Int

  /// A trace of requests whose sizes belong to their keys.
  package init(requests: [Request]) {
    self.requests = requests
    distinguishesSizes = false
    // What weighs more than 4 GiB is refused.
    let largest = max(requests.lazy.map(\.size).max() ?? 1, 1)
    unit = max(min(1_000, (Int(UInt32.max) - 1) / largest), 1)
  }

  /// A trace of little-endian 64-bit words: keys, or pairs of a key and a size.
  package init(words: [UInt64], pairs: Bool) {
    requests =
      pairs
      ? stride(from: 0, to: words.count - 1, by: 2).map { Request(key: words[$0], size: Int(words[$0 + 1])) }
      : words.map { Request(key: $0, size: 1) }
    distinguishesSizes = true
    unit = 1_000
  }

  /// Reads a trace from a file.
  package init(path: String, pairs: Bool) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    self.init(
      words: data.withUnsafeBytes { buffer in
        (0..<buffer.count / 8).map {
          UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
        }
      }, pairs: pairs)
  }

  /// How many different keys there are, a key of another size being another one where sizes count.
  package var distinctCount: Int { Set(requests.map { [$0.key, distinguishesSizes ? UInt64($0.size) : 0] }).count }

  /// Owns the addresses that stand in for bodies: only their lengths count, nobody reads them.
  private final class NoMemory: SizedMemory {
    let byteCount: Int
    init(byteCount: Int) { self.byteCount = byteCount }
  }

  private static func entry(_ key: CacheKey, weight: Int) -> CacheEntry {
    let times = EntryTimes(
      birth: .distantPast, receivedAt: .distantPast, freshUntil: .distantFuture,
      staleWhileRevalidateUntil: .distantFuture, staleIfErrorUntil: .distantFuture, reclaimAt: .distantFuture)
    let bare = CacheEntry(key: key, status: 200, fields: HeaderFields(), body: Bytes(), times: times)
    let owner = NoMemory(byteCount: max(weight - bare.weight, 0))
    let body = Bytes(owner: owner, base: UnsafeRawPointer(bitPattern: 4096)!, count: owner.byteCount)
    return CacheEntry(key: key, status: 200, fields: HeaderFields(), body: body, times: times)
  }

  /// The key that stands for a request, and what its entry weighs.
  private func content(of request: Request, bySize: Bool) -> (key: CacheKey, weight: Int) {
    let key = CacheKey(custom: "\(request.key)/\(bySize && distinguishesSizes ? request.size : 0)")
    return (key, (bySize ? max(request.size, 1) : 1) * unit)
  }

  /// - Parameters:
  ///   - entries: The most entries, or nil.
  ///   - bytes: The most bytes, in the trace's unit, or nil.
  package func run(
    _ policy: EvictionPolicy, entries: Int? = nil, bytes: Int? = nil, shards: Int = 1
  ) throws -> Outcome {
    let backend = try InMemoryBackend(
      configuration: .init(
        capacity: bytes.map { $0 * unit } ?? Int.max / 4, maximumEntryCount: entries, maximumEntryShare: 1,
        evictionPolicy: policy, shardCount: shards))
    var outcome = Outcome()
    for request in requests {
      outcome.requests += 1
      outcome.bytes += request.size
      let (key, weight) = content(of: request, bySize: bytes != nil)
      if case .found = backend.peek(key, at: CacheInstant(nanoseconds: Int64(outcome.requests))) {
        outcome.hits += 1
        outcome.hitBytes += request.size
      } else {
        _ = backend.storeNow(Self.entry(key, weight: weight))
      }
    }
    return outcome
  }

  /// The curve that a cache estimates by itself, from a sample of the keys (``CacheLayer/missRatioCurve``), while the trace is
  /// replayed with these bounds.
  ///
  /// - Parameter hits: How many hits there were with these bounds.
  package func estimate(
    _ policy: EvictionPolicy, entries: Int? = nil, bytes: Int? = nil, hits: Int
  ) -> MissRatioCurve {
    let estimator = MissRatioEstimator(
      policy, capacity: bytes.map { $0 * unit } ?? Int.max / 16, maximumCount: entries ?? .max,
      maximumWeight: bytes.map { $0 * unit } ?? .max)
    for request in requests {
      let (key, weight) = content(of: request, bySize: bytes != nil)
      estimator.request(key.digest, content: (weight, .max), at: 0)
    }
    estimator.countAll(hits: hits, lookups: requests.count)
    return estimator.curve
  }
}
