//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache

/// Replays a request trace against an in-memory backend through its public interface: look up, and store on a miss.
struct TraceReplay {
  struct Request {
    var key: UInt64
    var size: Int
  }

  struct Outcome: Equatable {
    var requests = 0
    var hits = 0
    var bytes = 0
    var hitBytes = 0

    var hitRatio: Double { requests == 0 ? 0 : 100 * Double(hits) / Double(requests) }
    var byteHitRatio: Double { bytes == 0 ? 0 : 100 * Double(hitBytes) / Double(bytes) }
  }

  var requests: [Request]

  /// A trace of little-endian 64-bit words: keys, or pairs of a key and a size.
  init(words: [UInt64], pairs: Bool) {
    requests =
      pairs
      ? stride(from: 0, to: words.count - 1, by: 2).map { Request(key: words[$0], size: Int(words[$0 + 1])) }
      : words.map { Request(key: $0, size: 1) }
  }

  /// Reads a trace from a file.
  init(path: String, pairs: Bool) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    self.init(
      words: data.withUnsafeBytes { buffer in
        (0..<buffer.count / 8).map {
          UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
        }
      }, pairs: pairs)
  }

  /// How many different keys there are, a key of another size being another one where sizes count.
  var distinctCount: Int { Set(requests.map { [$0.key, UInt64($0.size)] }).count }

  /// Owns the addresses that stand in for bodies: only their lengths count, nobody reads them.
  private final class NoMemory: SizedMemory {
    let byteCount: Int
    init(byteCount: Int) { self.byteCount = byteCount }
  }

  /// Entries weigh `unit` bytes for each unit of size, of which the bookkeeping that they are also charged for is part. No more:
  /// what weighs more than 4 GiB is refused.
  private static let unit = 1_000

  private static func entry(_ key: CacheKey, weight: Int) -> CacheEntry {
    let times = EntryTimes(
      birth: .distantPast, receivedAt: .distantPast, freshUntil: .distantFuture,
      staleWhileRevalidateUntil: .distantFuture, staleIfErrorUntil: .distantFuture, reclaimAt: .distantFuture)
    let bare = CacheEntry(key: key, status: 200, fields: HeaderFields(), body: Bytes(), times: times)
    let owner = NoMemory(byteCount: weight - bare.weight)
    let body = Bytes(owner: owner, base: UnsafeRawPointer(bitPattern: 4096)!, count: owner.byteCount)
    return CacheEntry(key: key, status: 200, fields: HeaderFields(), body: body, times: times)
  }

  /// - Parameters:
  ///   - entries: The most entries, or nil.
  ///   - bytes: The most bytes, in the trace's unit, or nil.
  func run(_ policy: EvictionPolicy, entries: Int? = nil, bytes: Int? = nil, shards: Int = 1) throws -> Outcome {
    let backend = try InMemoryBackend(
      configuration: .init(
        capacity: bytes.map { $0 * Self.unit } ?? Int.max / 4, maximumEntryCount: entries, maximumEntryShare: 1,
        evictionPolicy: policy, shardCount: shards))
    var outcome = Outcome()
    for request in requests {
      outcome.requests += 1
      outcome.bytes += request.size
      let key = CacheKey(custom: "\(request.key)/\(bytes == nil ? 0 : request.size)")
      if case .found = backend.peek(key, at: CacheInstant(nanoseconds: Int64(outcome.requests))) {
        outcome.hits += 1
        outcome.hitBytes += request.size
      } else {
        _ = backend.storeNow(Self.entry(key, weight: (bytes == nil ? 1 : request.size) * Self.unit))
      }
    }
    return outcome
  }
}
