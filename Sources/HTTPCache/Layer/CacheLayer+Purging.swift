//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The answer to a request that invalidates (``PurgePolicy``); nil when it is none, or there is no such policy.
  nonisolated func purgeResponse(to request: CacheRequest, _ policy: ResolvedPolicy) async -> CacheResponse? {
    guard let purging = policy.policy.purging,
      request.method == purging.purgeMethod || request.method == purging.banMethod
    else { return nil }
    guard await purging.allows(request) else {
      return Self.answer(403, "{\"error\":\"not authorised to invalidate\"}")
    }
    let value = request.fields[purging.softField]?.lowercased()
    let mode: CacheInvalidation.Mode = value == "1" || value == "true" || value == "?1" ? .soft : .hard
    let targets =
      request.method == purging.purgeMethod
      ? key(of: request.as(.get), policy).map { [.key($0)] } ?? [] : Self.banTargets(request)
    guard !targets.isEmpty else {
      return Self.answer(
        400, "{\"error\":\"nothing to invalidate: give Cache-Tag, Surrogate-Key or Cache-Path-Prefix\"}")
    }
    var receipt = InvalidationReceipt(entryCount: 0)
    for target in targets {
      let part = await invalidate(CacheInvalidation(target, mode: mode))
      receipt.entryCount = receipt.entryCount.flatMap { count in part.entryCount.map { count + $0 } }
      receipt.flightCount += part.flightCount
      receipt.isComplete = receipt.isComplete && part.isComplete
    }
    let count = receipt.entryCount.map(String.init) ?? "null"
    return Self.answer(
      receipt.isComplete ? 200 : 503,
      """
      {"mode":"\(mode == .soft ? "soft" : "hard")","entries":\(count),"flights":\(receipt.flightCount),\
      "complete":\(receipt.isComplete)}
      """)
  }

  /// What a `BAN` names.
  private static func banTargets(_ request: CacheRequest) -> [CacheInvalidation.Target] {
    let tags = TagFields.cacheTags(in: request.fields) + TagFields.surrogateKeys(in: request.fields)
    let isAll = request.fields["Cache-Tag-Match"]?.lowercased() == "all"
    let prefixes = request.fields.values(of: "Cache-Path-Prefix").filter { !$0.isEmpty }
    return (tags.isEmpty ? [] : [isAll ? .allTags(tags) : .anyTag(tags)]) + prefixes.map { .pathPrefix($0) }
  }

  private static func answer(_ status: Int, _ json: String) -> CacheResponse {
    CacheResponse(
      status: status, fields: ["Content-Type": "application/json", "Cache-Control": "no-store"],
      body: Body(json + "\n"))
  }
}
