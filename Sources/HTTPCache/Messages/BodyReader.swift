//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Reads a body piece by piece.
///
/// ```swift
/// let reader = response.body.makeReader()
/// while let chunk = try await reader.next() { … }
/// let trailers = reader.trailers
/// ```
public final class BodyReader: Sendable {
  private let body: Body
  private let isDone = Locked(false)

  init(_ body: Body) { self.body = body }

  /// The next piece; nil at the end.
  ///
  /// - Throws: What the body's source throws when the body breaks off.
  public func next() async throws -> Bytes? {
    switch body.storage {
    case .bytes(let bytes):
      let wasDone = isDone.withLock { done in
        defer { done = true }
        return done
      }
      return wasDone || bytes.isEmpty ? nil : bytes
    case .stream(let source, _):
      return try await source.next()
    }
  }

  /// The trailer section, complete once `next()` has returned nil.
  public var trailers: HeaderFields? {
    guard case .stream(let source, _) = body.storage else { return nil }
    return source.trailers
  }

  /// Says that no more will be read.
  public func cancel() { body.cancel() }
}
