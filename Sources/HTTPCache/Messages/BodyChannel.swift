//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A streamed body that is written piece by piece, with back-pressure.
///
/// ```swift
/// let channel = BodyChannel()
/// Task {
///   for try await row in rows { guard await channel.write(Bytes(row)) else { return } }
///   channel.finish()
/// }
/// return CacheResponse(body: channel.body)
/// ```
public struct BodyChannel: Sendable {
  /// The body until it is first asked for, and whether it still is read afterwards.
  ///
  /// The channel must not hold the reader itself: then nobody would notice that the one who got the body has dropped it.
  private struct Handover {
    var reader: BodyLogReader?
    weak var handedOver: BodyLogReader?
  }

  private let log: BodyLog
  private let handover: Locked<Handover>
  private let length: Int?

  /// - Parameters:
  ///   - window: How many bytes the writer may be ahead of the reader.
  ///   - length: How many bytes there will be, if that is known.
  ///   - onCancel: Called once, in whatever task it happens in, when the reader goes away before the end: the client has
  ///     hung up, or the body was dropped. For writers that are waiting for something else, such as a database; one that
  ///     writes hears of it from ``write(_:)``. Must be short.
  public init(window: Int = 64 << 10, length: Int? = nil, onCancel: @escaping @Sendable () -> Void = {}) {
    log = BodyLog(window: window, retentionLimit: nil, onAbandoned: onCancel)
    // A fresh log lets its first reader attach.
    handover = Locked(Handover(reader: log.makeReader()))
    self.length = length
  }

  /// The content that is written, to be read once.
  public var body: Body {
    let reader = handover.withLock { handover in
      let reader = handover.reader ?? handover.handedOver
      handover.handedOver = reader
      handover.reader = nil
      return reader
    }
    // Nobody has it any more: a reader that has come too late is told so when it reads.
    return reader.map { Body($0, length: length) } ?? Body(CancelledBody(), length: length)
  }

  /// Whether the reader has gone, so that there is no point in writing.
  public var isCancelled: Bool { !log.hasReaders }

  /// Writes a piece, and waits while the reader is too far behind.
  ///
  /// - Returns: Whether there is a point in going on: false when the reader has gone.
  public func write(_ bytes: Bytes) async -> Bool {
    bytes.isEmpty ? log.hasReaders : await log.append(bytes)
  }

  /// Ends the body properly.
  public func finish(trailers: HeaderFields? = nil) { log.finish(trailers: trailers) }

  /// Breaks the body off: its reader gets `error`.
  public func fail(_ error: any Error) { log.fail(error) }
}

/// The body of a channel whose reader has gone.
private final class CancelledBody: BodySource {
  func next() async throws -> Bytes? { throw BodyError.cancelled }
  var trailers: HeaderFields? { nil }
  func cancel() {}
}
