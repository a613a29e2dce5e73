//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CAllocationCounter
import Foundation
import HTTPCache
import Synchronization

/// Compares what a cache counts with what the process grows by, while the cache is filled through the layer and its content
/// is replaced many times.
///
/// Of ten requests seven are for something new, two for something that is probably there, and one has that revalidated: the
/// handler answers 304, and the entry is replaced by one with other fields and the same body.
struct MemoryCheck {
  let content: MemoryContent
  let capacity: Int
  var evictionPolicy = EvictionPolicy.lru
  /// How many times the content is replaced.
  var turns = 3
  /// For how long the content is replaced, instead.
  var minutes: Double?
  let threads: Int

  /// A measurement at one moment, in bytes.
  private struct Sample {
    /// The growth of the process.
    let growth: Int
    /// The memory that the cache counts.
    let counted: Int
    /// The memory that the allocator has given out since the beginning.
    let allocated: Int
    var ratio: Double { Double(growth) / Double(counted) }
  }

  /// The way into the cache, and how many requests have been made.
  private final class Traffic: Sendable {
    let service: Layered<CacheLayer, Handler>
    let next = Atomic(0)
    /// The largest number of entries so far, so that what is asked for again is likely to be there.
    let entryCount = Atomic(1)
    /// The failure, if there was one.
    let failures = Atomic(0)

    init(_ service: Layered<CacheLayer, Handler>) { self.service = service }
  }

  /// - Returns: A row of the table, and whether it is within bounds.
  func run() async throws -> (row: String, isWithin: Bool) {
    guard ResidentMemory.byteCount != nil else { return ("cannot be measured here", true) }
    // The code, the allocator's arenas and the runtime's pools come into being before anything is measured.
    try await Self.warmUp()
    ResidentMemory.trim()
    let start = ResidentMemory.byteCount ?? 0
    let startAllocated = Int(bytes_in_use())
    let backend = try InMemoryBackend(configuration: .init(capacity: capacity, evictionPolicy: evictionPolicy))
    let traffic = Traffic(Self.handler(content).layer(try CacheLayer(backend: backend, policy: CachePolicy())))
    func sample() -> Sample {
      Sample(
        growth: (ResidentMemory.byteCount ?? 0) - start, counted: backend.statistics.byteCount,
        allocated: Int(bytes_in_use()) - startAllocated)
    }

    // Full when as many entries have been evicted as there are.
    let began = ContinuousClock.now
    var lastReport = began
    var full: Sample?
    var peak = 0
    var turn = 0
    var replaced = 0
    while true {
      await requests(min(2048, max(64, backend.statistics.entryCount / 8)), traffic)
      let statistics = backend.statistics
      traffic.entryCount.store(max(statistics.entryCount, 1), ordering: .relaxed)
      guard statistics.evictions > 0 else { continue }
      let now = sample()
      if full == nil { full = now }
      peak = max(peak, now.growth)
      if statistics.evictions - replaced >= statistics.entryCount {
        replaced = statistics.evictions
        turn += 1
      }
      if let minutes {
        if ContinuousClock.now - began >= .seconds(60 * minutes) { break }
      } else if turn >= turns {
        break
      }
      if ContinuousClock.now - lastReport >= .seconds(60) {
        lastReport = .now
        FileHandle.standardError.write(
          Data("\(content.name): turn \(turn), \(Self.mebibytes(now.growth)) MiB, \(now.ratio)\n".utf8))
      }
    }
    let end = sample()
    let failures = traffic.failures.load(ordering: .relaxed)
    guard let full, failures == 0 else { return ("\(content.name): \(failures) requests failed", false) }
    let isWithin =
      abs(full.ratio - 1) <= content.tolerance && abs(end.ratio - 1) <= content.tolerance
      && Double(peak) <= Double(capacity) * (1 + content.tolerance)
    let columns = [
      content.name, Self.mebibytes(capacity), "\(backend.statistics.entryCount)", Self.mebibytes(end.counted),
      Self.mebibytes(end.allocated), Self.mebibytes(end.growth), Self.percent(full.ratio), Self.percent(end.ratio),
      Self.percent(Double(peak) / Double(capacity)), "\(turn)", isWithin ? "" : "OUTSIDE",
    ]
    return ("| " + columns.joined(separator: " | ") + " |", isWithin)
  }

  private static func mebibytes(_ count: Int) -> String { String(format: "%.1f", Double(count) / 1_048_576) }
  private static func percent(_ ratio: Double) -> String { String(format: "%.1f %%", ratio * 100) }

  private static func warmUp() async throws {
    let backend = InMemoryBackend(capacity: 1 << 20)
    guard let content = MemoryContent.named("variants") else { return }
    let traffic = Traffic(handler(content).layer(try CacheLayer(backend: backend, policy: CachePolicy())))
    await MemoryCheck(content: content, capacity: 1 << 20, threads: 2).requests(4000, traffic)
  }

  /// Answers 304 to whoever has a response already.
  private static func handler(_ content: MemoryContent) -> Handler {
    Handler { request in
      let number = Int(request.target.split(separator: "/").last ?? "") ?? 0
      let response = content.response(number)
      guard let tag = request.fields["If-None-Match"], tag == response.fields["ETag"] else { return response }
      response.body.cancel()
      return CacheResponse(status: 304, fields: response.fields)
    }
  }

  private func requests(_ count: Int, _ traffic: Traffic) async {
    await withTaskGroup(of: Void.self) { group in
      for thread in 0..<threads {
        group.addTask {
          var random = UInt64(thread + 1) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(traffic.next.load(ordering: .relaxed))
          for _ in 0..<count / threads {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            await Self.request(random, traffic)
          }
        }
      }
    }
  }

  private static func request(_ random: UInt64, _ traffic: Traffic) async {
    let choice = random >> 32 % 10
    var number = traffic.next.load(ordering: .relaxed)
    if choice < 7 {
      number = traffic.next.add(1, ordering: .relaxed).oldValue
    } else {
      number = max(0, number - 1 - Int(random % UInt64(traffic.entryCount.load(ordering: .relaxed))) / 2)
    }
    var request = CacheRequest(
      authority: text("www.example.com"), target: text("/catalog/products/\(number)"),
      fields: ["Accept-Language": ["en", "de", "fr"][number % 3]])
    if choice == 9 { request.fields.append("Cache-Control", "no-cache") }
    do {
      let response = try await traffic.service.call(request)
      _ = try await response.body.collect()
    } catch {
      traffic.failures.add(1, ordering: .relaxed)
    }
  }

  /// The text in memory of its own, no more than it takes, as a parser makes it.
  private static func text(_ text: String) -> String { String(decoding: Array(text.utf8), as: UTF8.self) }
}
