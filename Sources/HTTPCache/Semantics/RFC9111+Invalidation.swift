//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// The URIs whose stored responses a response makes invalid (§4.4): the request's own and, where they are of the same
  /// origin, those of `Location` and `Content-Location`.
  ///
  /// None when the method is safe, or the response is an error.
  ///
  /// - Parameter ownAuthorities: Other names by which the responding server may call itself: those of an origin that is
  ///   asked under its own name instead of the client's. The scheme by which it is reached does not matter then.
  static func invalidatedTargets(
    of request: CacheRequest, response: CacheResponse, ownAuthorities: Set<String> = []
  ) -> [(scheme: String, authority: String, target: String)] {
    guard !request.method.isSafe, (200..<400).contains(response.status) else { return [] }
    let target = TargetURI(request)
    var targets = [target]
    for known in [KnownHeader.location, .contentLocation] {
      response.fields.forEachValue(of: known) { value in
        // One of each is what a response has; more are nobody's business, and not the cache's work.
        guard targets.count < 3, var other = target.resolving(FieldSyntax.text(value, 0..<value.count)) else { return }
        if ownAuthorities.contains(other.authority) {
          (other.scheme, other.authority) = (target.scheme, target.authority)
        }
        guard other.scheme == target.scheme, other.authority == target.authority, !targets.contains(other) else {
          return
        }
        targets.append(other)
      }
    }
    return targets.map { ($0.scheme, $0.authority, $0.target) }
  }
}
