//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Stands between a cache and a ``CacheLogSink``: a bounded queue, emptied by a thread that there is only while there is something
/// to write.
final class SinkQueue: Sendable {
  private struct Chunk {
    var bytes: [UInt8]
    var unitCount: Int
  }

  private struct State {
    var chunks = RingQueue<Chunk>()
    var byteCount = 0
    var isWriting = false
    var statistics = CacheLogStatistics()
    var waiters: [OneShot<Void>] = []
  }

  /// How many bytes may wait.
  static let maximumByteCount = 4 << 20
  private let sink: any CacheLogSink
  private let state = Locked(State())

  init(_ sink: any CacheLogSink) { self.sink = sink }

  var statistics: CacheLogStatistics { state.withLock { $0.statistics } }

  /// Has something written. Never waits.
  ///
  /// - Parameter unitCount: How many lines or records it is, to be counted.
  func append(_ bytes: [UInt8], unitCount: Int) {
    let mustStart = state.withLock { state in
      guard state.byteCount + bytes.count <= Self.maximumByteCount else {
        state.statistics.dropped += unitCount
        return false
      }
      state.chunks.append(Chunk(bytes: bytes, unitCount: unitCount))
      state.byteCount += bytes.count
      defer { state.isWriting = true }
      return !state.isWriting
    }
    guard mustStart, DetachedThread.start({ [self] in writeAll() }) != 0 else { return }
    // No thread is to be had: the next to come tries again.
    state.withLock { $0.isWriting = false }
  }

  /// Returns when everything that was appended before is written or dropped.
  func flush() async {
    let waiter = OneShot<Void>()
    let mustWait = state.withLock { state in
      if state.isWriting { state.waiters.append(waiter) }
      return state.isWriting
    }
    if mustWait { _ = await waiter.value() }
  }

  private func writeAll() {
    while let chunk = next() {
      do {
        try sink.write(chunk.bytes)
        state.withLock { $0.statistics.written += chunk.unitCount }
      } catch {
        state.withLock { state in
          state.statistics.dropped += chunk.unitCount
          state.statistics.lastError = "\(error)"
        }
      }
      state.withLock { $0.byteCount -= chunk.bytes.count }
    }
  }

  private func next() -> Chunk? {
    let (chunk, waiters) = state.withLock { state -> (Chunk?, [OneShot<Void>]) in
      if let chunk = state.chunks.popFirst() { return (chunk, []) }
      state.isWriting = false
      defer { state.waiters = [] }
      return (nil, state.waiters)
    }
    for waiter in waiters { waiter.finish(()) }
    return chunk
  }
}
