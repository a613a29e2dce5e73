//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// An interim response (RFC 9110 §15.2): a status from 100 to 199 and fields, no content.
public struct InformationalResponse: Hashable, Sendable {
  /// From 100 to 199.
  public var status: Int
  /// The header section.
  public var fields: HeaderFields

  /// - Precondition: `status` is informational, and not 101: an upgrade is not a message that can be passed along.
  public init(status: Int, fields: HeaderFields = HeaderFields()) {
    precondition((100...199).contains(status) && status != 101, "\(status) is not an interim status")
    self.status = status
    self.fields = fields
  }
}
