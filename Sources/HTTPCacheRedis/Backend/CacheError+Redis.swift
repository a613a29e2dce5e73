//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

extension CacheError {
  /// A failure of Redis in the words that all backends share; the details are in `underlyingError`.
  init(_ error: RedisError) {
    let code: CacheError.Code =
      switch error.code.kind {
      case .commandTimedOut, .headOfLineTimedOut, .connectTimedOut: .timedOut
      case .queueFull, .busy, .tooManyClients: .overloaded
      case .authenticationFailed, .authenticationRequired, .permissionDenied, .readOnlyReplica, .outOfMemory,
        .noScript, .wrongType, .serverError, .crossSlot:
        .refused
      case .protocolViolation, .unexpectedReply: .damaged
      case .shutDown: .closed
      case .cancelled, .disconnected, .connectionLost, .connectFailed, .resolutionFailed, .circuitOpen, .loading,
        .masterDown, .clusterDown, .tooManyRedirections, .notMaster, .noMaster:
        .unavailable
      }
    self.init(code, "Redis: \(error.message)", underlyingError: error)
  }
}
