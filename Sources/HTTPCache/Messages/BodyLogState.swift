//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The state of a body that one producer writes and several readers read, each at its own pace. Pure: events in,
/// actions out; ``BodyLog`` performs them.
///
/// While the log *retains*, it keeps everything from the beginning, so that more readers can attach and the whole can be
/// stored. When the body outgrows the retention limit (or was never to be stored) it becomes a window: what every reader
/// has read is dropped, nobody new can attach, and the producer waits for the slowest reader.
struct BodyLogState {
  typealias ReaderID = Int

  enum End {
    case open
    case finished(trailers: HeaderFields?)
    case failed(any Error)
  }

  enum ReadAction {
    case deliver(Bytes, wakeProducer: Bool)
    case end
    case fail(any Error)
    case wait
  }

  enum AppendAction: Equatable {
    /// Go on.
    case proceed
    /// Wait until a reader has made room.
    case wait
    /// Nobody reads and nothing is retained: the producer may stop.
    case stop
  }

  private struct Chunk {
    let bytes: Bytes
    /// How many attached readers have yet to read it. Counted only while the log is a window.
    var pending = 0
  }

  private struct Reader {
    /// The position of the next chunk.
    var cursor = 0
    /// How many bytes it has taken while the producer waited, since the laggards were last looked for.
    var awaitedByteCount = 0
    /// How many times in a row that has been next to nothing.
    var idleLooks = 0
  }

  private let window: Int
  private let retentionLimit: Int
  private(set) var isRetaining: Bool
  private(set) var end = End.open
  private(set) var totalByteCount = 0
  private var bufferedByteCount = 0
  private var chunks: [Chunk] = []
  /// The position, in the whole body, of `chunks[0]`.
  private var firstPosition = 0
  private var readers: [ReaderID: Reader] = [:]
  private var nextReaderID = 0

  /// - Parameters:
  ///   - window: How many bytes a log that does not retain holds for readers that are behind.
  ///   - retentionLimit: How many bytes are retained at most; nil: nothing is retained from the start.
  init(window: Int, retentionLimit: Int?) {
    self.window = window
    self.retentionLimit = retentionLimit ?? 0
    self.isRetaining = retentionLimit != nil
  }

  var readerCount: Int { readers.count }

  var isOpen: Bool {
    if case .open = end { return true }
    return false
  }

  /// All of the body; nil unless it is complete and was retained.
  var retained: Bytes? {
    guard isRetaining, case .finished = end else { return nil }
    return Bytes(joining: chunks.map(\.bytes))
  }

  /// What is retained of a body that is still open.
  var retainedSoFar: Bytes? { isRetaining ? Bytes(joining: chunks.map(\.bytes)) : nil }

  /// A new reader from the beginning; nil when the beginning is gone.
  mutating func attach() -> ReaderID? {
    guard isRetaining || (totalByteCount == 0 && isOpen) else { return nil }
    nextReaderID += 1
    readers[nextReaderID] = Reader()
    return nextReaderID
  }

  /// A reader has gone.
  ///
  /// - Returns: Whether the producer may find room now.
  mutating func detach(_ reader: ReaderID) -> Bool {
    guard let cursor = readers.removeValue(forKey: reader)?.cursor, !isRetaining else { return false }
    for position in Swift.max(cursor, firstPosition)..<firstPosition + chunks.count {
      chunks[position - firstPosition].pending -= 1
    }
    return dropRead()
  }

  mutating func read(_ reader: ReaderID) -> ReadAction {
    guard let cursor = readers[reader]?.cursor else { return .fail(BodyError.readerTooSlow) }
    let offset = cursor - firstPosition
    if offset < chunks.count {
      let bytes = chunks[offset].bytes
      readers[reader]?.cursor = cursor + 1
      if !hasRoom { readers[reader]?.awaitedByteCount += bytes.count }
      guard !isRetaining else { return .deliver(bytes, wakeProducer: false) }
      chunks[offset].pending -= 1
      return .deliver(bytes, wakeProducer: dropRead())
    }
    switch end {
    case .open: return .wait
    case .finished: return .end
    case .failed(let error): return .fail(error)
    }
  }

  /// Whether `read` would do anything but wait.
  func hasNews(for reader: ReaderID) -> Bool {
    guard isOpen, let cursor = readers[reader]?.cursor else { return true }
    return cursor - firstPosition < chunks.count
  }

  mutating func append(_ bytes: Bytes) -> AppendAction {
    guard isOpen else { return .stop }
    totalByteCount += bytes.count
    if isRetaining, totalByteCount > retentionLimit { becomeWindow() }
    guard isRetaining || !readers.isEmpty else { return .stop }
    chunks.append(Chunk(bytes: bytes, pending: isRetaining ? 0 : readers.count))
    bufferedByteCount += bytes.count
    return hasRoom ? .proceed : .wait
  }

  /// Whether the producer may go on.
  var hasRoom: Bool { isRetaining || bufferedByteCount <= window || readers.isEmpty || !isOpen }

  mutating func finish(trailers: HeaderFields?) {
    if isOpen { end = .finished(trailers: trailers) }
  }

  mutating func fail(_ error: any Error) {
    if isOpen { end = .failed(error) }
  }

  /// Lets go of the readers that hold up the others, if there are others: those that, as often as `patience` says in a row,
  /// took next to nothing while the producer waited, although there was something to take.
  ///
  /// All of them at once, wherever they are: one at a time, a few that have stopped reading would hold up the others for a
  /// few times as long. Whoever does take something is slow, but reads; it is let go of only if it takes so little that
  /// it might as well have stopped.
  ///
  /// - Parameter looks: For how many looks this one counts.
  /// - Returns: Those readers.
  mutating func dropLaggards(looks: Int, patience: Int) -> [ReaderID] {
    guard !hasRoom else { return [] }
    let end = firstPosition + chunks.count
    let least = Swift.max(1, window / 16)
    var laggards: [ReaderID] = []
    for (id, reader) in readers {
      let isIdle = reader.cursor < end && reader.awaitedByteCount < least
      let idleLooks = isIdle ? reader.idleLooks + looks : 0
      readers[id] = Reader(cursor: reader.cursor, idleLooks: idleLooks)
      if idleLooks >= patience { laggards.append(id) }
    }
    guard laggards.count < readers.count else {
      for id in laggards { readers[id]?.idleLooks = 0 }
      return []
    }
    for reader in laggards { _ = detach(reader) }
    return laggards
  }

  /// Nothing more is retained: what everybody has read is dropped, and so will be what they read next.
  mutating func becomeWindow() {
    guard isRetaining else { return }
    isRetaining = false
    for reader in readers.values {
      for offset in Swift.min(reader.cursor, chunks.count)..<chunks.count { chunks[offset].pending += 1 }
    }
    _ = dropRead()
  }

  /// Drops the chunks at the front that everybody has read.
  private mutating func dropRead() -> Bool {
    let count = chunks.prefix { $0.pending <= 0 }.count
    guard count > 0 else { return false }
    bufferedByteCount -= chunks[..<count].reduce(0) { $0 + $1.bytes.count }
    chunks.removeFirst(count)
    firstPosition += count
    return hasRoom
  }
}
