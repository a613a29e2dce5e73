//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension FetchPlan {
  /// The key that a request's flight is found by: its own key, the values that select among the variants as far as they are
  /// known, and the range it asks for.
  ///
  /// - Returns: The key; nil when it is that of the request.
  func flightKey(among index: VariantIndex?) -> CacheKey? {
    let (request, stored) = (self.request, self.stored)
    if index == nil, stored == nil, self.partial == nil,
      request.fields.presence & (KnownHeader.authorization.bit | KnownHeader.range.bit) == 0
    {
      return nil
    }
    var key = (stored ?? self.partial)?.key ?? self.key
    if let index, let selection = index.selections.first {
      key = index.key(of: selection, primary: self.key, fields: request.fields)
    }
    // Who authenticates does so for himself: his answer is usually for nobody else, and must not make the resource pass for
    // uncacheable, nor keep others waiting.
    request.fields.forEachValue(of: KnownHeader.authorization) { credentials in
      key = key.variant("authorization\u{0}\(Bytes(copying: credentials))")
    }
    // A response whose lifetime is the policy's is not for a request that is one user's own, nor its answer for others.
    if self.directives.isPersonal, let stored, stored.traits.contains(.policyLifetime) {
      request.fields.forEachValue(of: KnownHeader.cookie) { cookies in
        key = key.variant("cookie\u{0}\(Bytes(copying: cookies))")
      }
    }
    // With a whole response to be validated, or to be fetched anew, the range is cut from it afterwards.
    guard stored == nil, let range = request.fields[.range] else { return key }
    return key.variant("range\u{0}\(range)\u{0}\(request.fields[.ifRange] ?? "")")
  }

  /// Returns the key under which a resource is remembered as uncacheable, another one for requests with cookies: a response
  /// that is for one user because of a cookie says nothing about requests without any.
  func uncacheableKey(_ key: CacheKey) -> CacheKey {
    self.request.fields.contains(KnownHeader.cookie) ? key.variant("cookie") : key
  }
}
