//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension CacheRequest {
  /// The address of the client that the request comes from, for limits, shares and logs; nil when it is not known.
  ///
  /// The server has put it first into `X-Forwarded-For`, and has removed there what it does not believe
  /// (``HTTPServer/Configuration/ForwardedFor/replace``, ``HTTPServer/Configuration/ForwardedFor/trusting(_:)``). Behind a
  /// server that leaves the field as it comes, anybody may claim any address.
  public var clientAddress: IPAddress? { fields.clientAddress }
}

extension HeaderFields {
  /// The address that stands first in `X-Forwarded-For`; nil when it is none.
  var clientAddress: IPAddress? {
    var address: IPAddress?
    var isFirst = true
    forEachValue(of: .xForwardedFor) { value in
      guard isFirst else { return }
      isFirst = false
      value.withUnsafeBytes { octets in
        let end = octets.firstIndex(of: Octet.comma) ?? octets.count
        address = IPAddress(UnsafeRawBufferPointer(rebasing: octets[..<end]).trimmingWhitespace.text)
      }
    }
    return address
  }
}
