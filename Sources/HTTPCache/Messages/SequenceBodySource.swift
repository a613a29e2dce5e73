//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A body source over any asynchronous sequence of chunks.
final class SequenceBodySource: BodySource {
  private let step: @Sendable () async throws -> Bytes?

  init<Chunks: AsyncSequence & Sendable>(_ chunks: Chunks) where Chunks.Element == Bytes {
    let iterator = IteratorBox(chunks)
    step = { try await iterator.next() }
  }

  func next() async throws -> Bytes? { try await step() }

  private final class IteratorBox<Chunks: AsyncSequence & Sendable>: @unchecked Sendable where Chunks.Element == Bytes {
    // @unchecked: a source has one reader, which calls next() once at a time (BodySource demands it); the flag turns a
    // violation into an error instead of a data race.
    private var iterator: Chunks.AsyncIterator
    private let isReading = Locked(false)

    init(_ chunks: Chunks) { iterator = chunks.makeAsyncIterator() }

    func next() async throws -> Bytes? {
      let isFree = isReading.withLock { reading in
        defer { reading = true }
        return !reading
      }
      precondition(isFree, "a body has one reader, which reads one piece at a time")
      defer { isReading.withLock { $0 = false } }
      while let chunk = try await iterator.next() {
        if !chunk.isEmpty { return chunk }
      }
      return nil
    }
  }
}
