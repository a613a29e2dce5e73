//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// The URIs whose stored responses a response makes invalid (§4.4): the request's own and, where they are of the same
  /// origin, those of `Location` and `Content-Location`.
  ///
  /// None when the method is safe, or the response is an error.
  static func invalidatedTargets(
    of request: CacheRequest, response: CacheResponse
  ) -> [(scheme: String, authority: String, target: String)] {
    guard !request.method.isSafe, (200..<400).contains(response.status) else { return [] }
    let target = TargetURI(request)
    var targets = [target]
    for known in [KnownHeader.location, .contentLocation] {
      response.fields.forEachValue(of: known) { value in
        // One of each is what a response has; more are nobody's business, and not the cache's work.
        guard targets.count < 3,
          let other = target.resolving(FieldSyntax.text(value, 0..<value.count)),
          other.scheme == target.scheme, other.authority == target.authority, !targets.contains(other)
        else { return }
        targets.append(other)
      }
    }
    return targets.map { ($0.scheme, $0.authority, $0.target) }
  }
}
