//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The outcome of a flight for one of the requests that wait for it, and what that request does next (``Fetcher``).
///
/// A word or two: it is handed on several times.
enum FlightOutcome: Sendable {
  /// There is a response, with a body of this request's own to read. The client gets it.
  case response(FlightResponse)

  /// Another flight, or another node, has stored something meanwhile. The request looks it up.
  case stored
  /// The responses of the resource may not be stored. The request goes to the origin without waiting for others.
  case uncacheable
  /// The response may not be used for this request without validation. The request begins a flight that is for it alone.
  case needsValidation
  /// The response is selected by header fields in which this request differs. The request joins the flight of its own variant.
  indirect case variant(VarySelection, nonce: String)
  /// The call takes long, which may be due to the client that it is made for. The request joins the flight that takes its place.
  case overdue
  /// The flight has ended without anything for this request. The request joins another, or begins one.
  case ended
  /// The request has waited for as long as it would (soft timeout, or wait limit). The client gets what is stored; if that
  /// is not allowed, the request waits for one more flight, and then goes to the origin by itself.
  case expired

  /// The origin could not be asked, or threw an error. The client gets what is stored, or the error.
  case failed(any Error)
  /// The origin answered another request with a server error. The client gets what is stored, or an error of the same status.
  indirect case serverError(status: Int, retryAfter: String?)
  /// The origin has as many calls as it is given at a time. The client gets what is stored, or 503.
  case saturated
  /// The origin took longer than the hard timeout. The client gets what is stored, or 504.
  case originTimeout
}
