//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A failure to get a reply out of what a server sends.
struct MemcachedWireError: Error, Hashable {
  var code: MemcachedError.Code
  var message: String
  /// Whether the failure says something about the host, and not just about the command.
  var isHostFault = true
  /// The large value that was arriving when the time was over.
  var slowValue: SlowValue?

  struct SlowValue: Hashable, Sendable {
    var key: MemcachedKey
    var byteCount: Int
  }

  /// The server has sent what the protocol does not allow.
  static func violated(_ message: String) -> Self { Self(code: .protocolViolated, message: message) }
}
