//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RedisError {
  /// An error that the server reported, by the word it begins with.
  init(serverMessage message: String) {
    self.init(Self.code(message), message)
  }

  private static func code(_ message: String) -> Code {
    switch message.prefix(while: { $0 != " " }) {
    case "WRONGPASS": .authenticationFailed
    case "NOAUTH": .authenticationRequired
    case "NOPERM": .permissionDenied
    case "READONLY": .readOnlyReplica
    case "OOM": .outOfMemory
    case "LOADING": .loading
    case "MASTERDOWN": .masterDown
    case "CLUSTERDOWN", "TRYAGAIN": .clusterDown
    case "CROSSSLOT": .crossSlot
    case "BUSY": .busy
    case "NOSCRIPT": .noScript
    case "WRONGTYPE": .wrongType
    // Redis before 6 has no word for it; neither has "AUTH called without a password configured".
    case "ERR" where message.hasPrefix("ERR invalid password") || message.hasPrefix("ERR AUTH "): .authenticationFailed
    case "ERR" where message.hasPrefix("ERR max number of clients"): .tooManyClients
    default: .serverError
    }
  }

  /// Whether it says that the server as a whole is of no use at the moment, rather than something about one command.
  var isServersFailure: Bool {
    switch code.kind {
    case .commandTimedOut, .headOfLineTimedOut, .connectionLost, .loading, .masterDown, .busy, .protocolViolation: true
    default: false
    }
  }
}
