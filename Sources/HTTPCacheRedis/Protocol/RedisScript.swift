//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A Lua script, and the name under which Redis knows it once it has seen it.
package struct RedisScript: Sendable {
  package let source: String
  let digest: String

  package init(_ source: String) {
    self.source = source
    self.digest = SHA1.hexadecimal(source)
  }

  /// The command that runs it.
  ///
  /// - Parameter isKnown: Whether the server is believed to have it: then its name is enough.
  func command(
    isKnown: Bool, keys: [RedisCommand.Argument], arguments: [RedisCommand.Argument], isIdempotent: Bool
  ) -> RedisCommand {
    RedisCommand(
      isKnown ? "EVALSHA" : "EVAL",
      [.text(isKnown ? digest : source), .integer(Int64(keys.count))] + keys + arguments,
      keyPosition: keys.isEmpty ? nil : 2, isIdempotent: isIdempotent)
  }
}
