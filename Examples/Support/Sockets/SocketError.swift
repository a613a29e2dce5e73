//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A call to the system that failed.
public struct SocketError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried.
  public let operation: String
  /// The system's `errno`.
  public let code: Int32

  /// A failure of `operation` with the `errno` `code`.
  public init(operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  /// What was tried, and what the system said.
  public var description: String { "\(operation): \(String(cString: strerror(code)))" }

  /// The result of a call that reports failures as negative `errno`s.
  static func check(_ operation: @autoclosure () -> String, _ result: Int32) throws(SocketError) -> Int32 {
    guard result >= 0 else { throw SocketError(operation: operation(), code: -result) }
    return result
  }
}
