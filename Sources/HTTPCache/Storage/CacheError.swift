//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What went wrong with a backend.
public struct CacheError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case unavailable, timedOut, overloaded, refused, unsupported, damaged, closed
    }

    private let kind: Kind

    /// The store cannot be reached.
    public static let unavailable = Code(kind: .unavailable)
    /// The store has not answered in time.
    public static let timedOut = Code(kind: .timedOut)
    /// Too much is waiting for the store already.
    public static let overloaded = Code(kind: .overloaded)
    /// The store has answered, and refuses: wrong password, read only, out of memory.
    public static let refused = Code(kind: .refused)
    /// The store cannot do this at all.
    public static let unsupported = Code(kind: .unsupported)
    /// What the store has given is not what was stored there.
    public static let damaged = Code(kind: .damaged)
    /// The backend has been shut down.
    public static let closed = Code(kind: .closed)

    /// The code's name.
    public var description: String { kind.rawValue }
  }

  /// The kind of failure.
  public var code: Code
  /// What was wrong, and what to do.
  public var message: String
  /// What led to it.
  public var underlyingError: (any Error)?

  /// - Parameters: see the properties of the same names.
  public init(_ code: Code, _ message: String, underlyingError: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.underlyingError = underlyingError
  }

  /// The error as text, for people.
  public var description: String {
    underlyingError.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
  }
}
