//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Why an upstream server gave no (complete) response.
public struct UpstreamError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What went wrong, for whoever has to decide what to do about it.
  public enum Kind: Hashable, Sendable {
    /// No connection could be made, or the name has no address.
    case cannotConnect
    /// The server took too long: to accept the connection, to begin its response, or to go on with it.
    case timedOut
    /// What came was not HTTP/1.1, or beyond the limits.
    case badResponse
    /// The server closed the connection before the response was complete.
    case closed
    /// All connections were busy for too long.
    case overloaded
    /// The request cannot be put on the wire: its method or target has characters in it that would end them.
    case invalidRequest
  }

  /// What went wrong.
  public let kind: Kind
  /// The server's host and port.
  public let origin: String
  /// What happened, for a person.
  public let reason: String

  init(_ kind: Kind, origin: String, _ reason: String) {
    self.kind = kind
    self.origin = origin
    self.reason = reason
  }

  /// What a gateway answers with (RFC 9110 §15.6): 504 when the server was too slow, 503 when there are too many
  /// requests for it, 400 when the request was at fault, 502 otherwise.
  public var status: Int {
    switch kind {
    case .timedOut: 504
    case .overloaded: 503
    case .invalidRequest: 400
    case .cannotConnect, .badResponse, .closed: 502
    }
  }

  /// Which server, and what happened.
  public var description: String { "upstream \(origin): \(reason)" }
}
