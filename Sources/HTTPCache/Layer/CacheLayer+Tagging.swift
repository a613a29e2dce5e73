//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The tags of responses, and what handlers have said about them.
extension CacheLayer: InvalidationCarrier {
  /// Takes the tags out of a response of the origin, and the fields that nobody else is to see.
  ///
  /// - Parameter isConfirmation: Whether it only confirms what is stored (304).
  nonisolated func noteTags(
    of response: inout CacheResponse, to request: CacheRequest, _ policy: ResolvedPolicy, _ scope: TagScope,
    isConfirmation: Bool = false
  ) {
    let tags = policy.policy.tags
    if let extract = tags.extract, !isConfirmation { scope.add(extract(request, response)) }
    let mask = KnownHeader.cacheTag.bit | KnownHeader.surrogateKey.bit | KnownHeader.cacheGroups.bit
    guard response.fields.presence & mask != 0 else { return }
    if tags.fields.contains(.cacheTag) { scope.add(TagFields.cacheTags(in: response.fields)) }
    if tags.fields.contains(.surrogateKey) { scope.add(TagFields.surrogateKeys(in: response.fields)) }
    if tags.fields.contains(.cacheGroups) {
      scope.add(
        RFC9875.groups(in: response.fields).map {
          CacheTags.group($0, scheme: request.scheme, authority: request.authority)
        })
    }
    let hidden = tags.fields.subtracting(tags.passedOn).reduce(0) { $0 | $1.known.bit }
    if response.fields.presence & hidden != 0 {
      response.fields = response.fields.filter { ($0.known?.bit ?? 0) & hidden == 0 }
    }
  }

  /// Carries out what the handler has asked for while it made `response`, if it has succeeded.
  ///
  /// - Returns: How many invalidations that were.
  @discardableResult
  nonisolated func carryOutInvalidations(_ scope: TagScope, status: Int) async -> UInt64 {
    let invalidations = decide(scope, status: status)
    if !invalidations.isEmpty { await carryOut(invalidations, of: scope) }
    return UInt64(invalidations.count)
  }

  /// What of the handler's invalidations is to be carried out now that it has made a response with `status`.
  nonisolated func decide(_ scope: TagScope, status: Int) -> [CacheInvalidation] {
    guard status < 400 else {
      scope.failed()
      return []
    }
    return scope.succeeded(self)
  }

  nonisolated func carryOut(_ invalidations: [CacheInvalidation], of scope: TagScope) async {
    for invalidation in invalidations {
      await invalidate(invalidation)
      for outer in scope.outer { outer.invalidate(invalidation) }
    }
  }

  nonisolated func carryOutLate(_ invalidation: CacheInvalidation, of scope: TagScope) {
    for outer in scope.outer { outer.invalidate(invalidation) }
    Task { await self.invalidate(invalidation) }
  }
}
