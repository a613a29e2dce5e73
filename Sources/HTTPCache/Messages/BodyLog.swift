//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A body that is written once and read by several readers while it is being written.
final class BodyLog: Sendable {
  /// The state behind the lock.
  fileprivate struct Contents {
    var state: BodyLogState
    var waitingReaders: [BodyLogState.ReaderID: UnsafeContinuation<Void, Never>] = [:]
    var waitingProducer: UnsafeContinuation<Void, Never>?
    /// When the last chunk came; before the first, when the log was made.
    var lastChunkAt: CacheInstant
    /// How long the producer has waited, all in all, since the laggards were last looked for.
    var heldUp = Duration.zero
    /// How many looks in a row a reader may take next to nothing. Once some have been let go, those who still read have
    /// waited enough, and it becomes less: what sockets hold lets readers that stopped together seem to stop one after the
    /// other.
    var patience = 4
    /// Whether the body is wanted although nobody reads it.
    var isKept = false
    /// Up to when that has been counted.
    var countedUntil = CacheInstant.distantPast
  }

  private let guarded: Locked<Contents>
  private let clock: CacheClock
  /// How long the slowest readers may hold up the others, all in all, before they are looked at.
  private let stallLimit: Duration
  private let onAbandoned: @Sendable () -> Void

  /// - Parameters:
  ///   - window: see ``BodyLogState``.
  ///   - retentionLimit: see ``BodyLogState``.
  ///   - stallLimit: How long readers that take next to nothing may hold up the others before they are let go.
  ///   - clock: Measures `stallLimit`, and the silence of the producer.
  ///   - onAbandoned: Called when the last reader has gone before the end.
  init(
    window: Int, retentionLimit: Int?, stallLimit: Duration = .seconds(10), clock: CacheClock = .system,
    onAbandoned: @escaping @Sendable () -> Void = {}
  ) {
    self.guarded = Locked(
      Contents(state: BodyLogState(window: window, retentionLimit: retentionLimit), lastChunkAt: clock.now))
    self.stallLimit = stallLimit
    self.clock = clock
    self.onAbandoned = onAbandoned
  }

  // MARK: The producer's side

  /// Adds a chunk, and waits while the readers are too far behind.
  ///
  /// - Returns: Whether there is a point in going on: false when nobody reads and nothing is retained.
  func append(_ bytes: Bytes) async -> Bool {
    let (action, readers) = guarded.withLock { guarded in
      guarded.lastChunkAt = clock.now
      return (guarded.state.append(bytes), guarded.takeReaders())
    }
    for reader in readers { reader.resume() }
    switch action {
    case .proceed: return true
    case .stop: return false
    case .wait:
      await waitForRoom()
      return guarded.withLock { $0.state.isOpen && ($0.state.isRetaining || $0.state.readerCount > 0) }
    }
  }

  func finish(trailers: HeaderFields?) { end { $0.finish(trailers: trailers) } }

  func fail(_ error: any Error) { end { $0.fail(error) } }

  var isRetaining: Bool { guarded.withLock { $0.state.isRetaining } }
  var totalByteCount: Int { guarded.withLock { $0.state.totalByteCount } }
  var retainedSoFar: Bytes? { guarded.withLock { $0.state.retainedSoFar } }
  /// Since when no chunk has come; nil when the body is all there.
  var silentSince: CacheInstant? { guarded.withLock { $0.state.isOpen ? $0.lastChunkAt : nil } }
  /// Whether the body is not all there, and nobody reads it.
  var isUnread: Bool { guarded.withLock { $0.state.isOpen && $0.state.readerCount == 0 } }
  var hasReaders: Bool { guarded.withLock { $0.state.readerCount > 0 } }
  /// Whether the body is wanted although nobody reads it.
  var isKept: Bool { guarded.withLock { $0.isKept } }

  private func end(_ change: (inout BodyLogState) -> Void) {
    let (readers, producer) = guarded.withLock { guarded in
      change(&guarded.state)
      return (guarded.takeReaders(), guarded.takeProducer())
    }
    for reader in readers { reader.resume() }
    producer?.resume()
  }

  private func waitForRoom() async {
    let rest = guarded.withLock { guarded in
      guarded.countedUntil = clock.now
      return lookInterval - guarded.heldUp
    }
    // Short waits add up: a reader that takes a little now and then must not hold up the others for ever either.
    let stallTimer = Task { [clock, lookInterval, weak self] in
      var next = rest
      while true {
        try await clock.sleep(until: clock.now.advanced(by: next))
        self?.dropLaggards()
        next = lookInterval
      }
    }
    defer {
      stallTimer.cancel()
      guarded.withLock { $0.heldUp += clock.now.duration(since: $0.countedUntil) }
    }
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let goesOn = guarded.withLock { guarded in
          if guarded.state.hasRoom || Task.isCancelled { return true }
          guarded.waitingProducer = continuation
          return false
        }
        if goesOn { continuation.resume() }
      }
    } onCancel: {
      guarded.withLock { $0.takeProducer() }?.resume()
    }
  }

  /// How long the producer waits, all in all, between two looks at the laggards.
  private var lookInterval: Duration { stallLimit / 4 }

  private func dropLaggards() {
    let (dropped, producer) = guarded.withLock {
      guarded -> ([UnsafeContinuation<Void, Never>], UnsafeContinuation<Void, Never>?) in
      // The producer is about to go on: what it has waited is counted at its next look.
      guard !guarded.state.hasRoom else { return ([], nil) }
      guarded.heldUp += clock.now.duration(since: guarded.countedUntil)
      guarded.countedUntil = clock.now
      // The coarse clock may lag a tick behind the timer.
      let looks = Swift.max(1, Int(guarded.heldUp / lookInterval))
      guarded.heldUp = Swift.max(.zero, guarded.heldUp - lookInterval * looks)
      let laggards = guarded.state.dropLaggards(looks: looks, patience: guarded.patience)
      if !laggards.isEmpty { guarded.patience = Swift.max(1, guarded.patience / 2) }
      let waiting = laggards.compactMap { guarded.waitingReaders.removeValue(forKey: $0) }
      return (waiting, guarded.state.hasRoom ? guarded.takeProducer() : nil)
    }
    for reader in dropped { reader.resume() }
    producer?.resume()
  }

  // MARK: The readers' side

  /// A reader from the beginning; nil when the beginning is gone.
  func makeReader() -> BodyLogReader? {
    guarded.withLock { $0.state.attach() }.map { BodyLogReader(log: self, id: $0) }
  }

  func read(_ reader: BodyLogState.ReaderID) async throws -> Bytes? {
    while true {
      let (action, producer) = guarded.withLock { guarded in
        let action = guarded.state.read(reader)
        guard case .deliver(_, wakeProducer: true) = action else {
          return (action, nil as UnsafeContinuation<Void, Never>?)
        }
        return (action, guarded.takeProducer())
      }
      producer?.resume()
      switch action {
      case .deliver(let bytes, _): return bytes
      case .end: return nil
      case .fail(let error): throw error
      case .wait:
        try Task.checkCancellation()
        await waitForMore(reader)
      }
    }
  }

  var trailers: HeaderFields? {
    guarded.withLock { guarded in
      guard case .finished(let trailers) = guarded.state.end else { return nil }
      return trailers
    }
  }

  /// - Parameter isKept: Whether the body is wanted all the same, as long as it is retained.
  func detach(_ reader: BodyLogState.ReaderID, isKept: Bool = false) {
    let (waiting, producer, isAbandoned) = guarded.withLock { guarded in
      if isKept { guarded.isKept = true }
      let hadReaders = guarded.state.readerCount > 0
      let hasRoom = guarded.state.detach(reader)
      let isAbandoned =
        hadReaders && guarded.state.readerCount == 0 && guarded.state.isOpen
        && !(guarded.isKept && guarded.state.isRetaining)
      return (
        guarded.waitingReaders.removeValue(forKey: reader), hasRoom || isAbandoned ? guarded.takeProducer() : nil,
        isAbandoned
      )
    }
    waiting?.resume()
    producer?.resume()
    if isAbandoned { onAbandoned() }
  }

  private func waitForMore(_ reader: BodyLogState.ReaderID) async {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let goesOn = guarded.withLock { guarded in
          if Task.isCancelled || guarded.state.hasNews(for: reader) { return true }
          guarded.waitingReaders[reader] = continuation
          return false
        }
        if goesOn { continuation.resume() }
      }
    } onCancel: {
      guarded.withLock { $0.waitingReaders.removeValue(forKey: reader) }?.resume()
    }
  }
}

extension BodyLog.Contents {
  fileprivate mutating func takeReaders() -> [UnsafeContinuation<Void, Never>] {
    guard !waitingReaders.isEmpty else { return [] }
    defer { waitingReaders.removeAll(keepingCapacity: true) }
    return Array(waitingReaders.values)
  }

  fileprivate mutating func takeProducer() -> UnsafeContinuation<Void, Never>? {
    defer { waitingProducer = nil }
    return waitingProducer
  }
}
