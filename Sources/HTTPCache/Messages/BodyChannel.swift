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
  private let log: BodyLog

  /// What is written, to be read once.
  public let body: Body

  /// - Parameters:
  ///   - window: How many bytes the writer may be ahead of the reader.
  ///   - length: How many bytes there will be, if that is known.
  public init(window: Int = 64 << 10, length: Int? = nil) {
    log = BodyLog(window: window, retentionLimit: nil)
    // A fresh log lets its first reader attach.
    body = log.makeReader().map { Body($0, length: length) } ?? .empty
  }

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
