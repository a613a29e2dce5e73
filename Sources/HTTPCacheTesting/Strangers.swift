//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// Clients without any right to a resource, who ask for it in ways that make a cache ask the origin, of an origin that
/// answers them otherwise than the rest. Checks that nobody loses an entry by that, whatever store it is in.
package struct Strangers: Sendable {
  /// The fields by which a client can demand an answer of the origin's.
  package static let demands: [HeaderFields] = [
    ["Cache-Control": "no-cache"], ["Cache-Control": "max-age=0"], ["Cache-Control": "min-fresh=99999"],
    ["Pragma": "no-cache"], ["Cache-Control": "foo no-cache"], ["Cache-Control": "max-age=x"],
    ["Cache-Control": "no-cache", "Cookie": "u=1"], ["Cache-Control": "no-cache", "If-None-Match": "\"b\""],
    ["Cache-Control": "no-cache", "Range": "bytes=0-1"], ["Cache-Control": "no-store, no-cache"],
  ]

  /// The answers that an origin may have for a stranger and not for others: errors, and what may not be stored.
  package static let answers: [(status: Int, fields: HeaderFields)] = [
    (400, [:]), (401, ["WWW-Authenticate": "Basic"]), (403, [:]), (404, [:]), (405, [:]), (410, [:]), (413, [:]),
    (414, [:]), (429, ["Retry-After": "1"]), (431, [:]), (451, [:]), (501, [:]), (505, [:]),
    (508, ["Cache-Control": "no-store"]),
    (200, ["Cache-Control": "private, max-age=60"]), (200, ["Cache-Control": "no-store"]),
    (200, ["Vary": "*", "Cache-Control": "max-age=60"]),
    (200, ["Set-Cookie": "a=b"]), (302, ["Location": "/login"]), (204, ["Cache-Control": "no-store"]),
    (404, ["Cache-Control": "no-store"]), (410, ["Cache-Control": "private"]), (404, ["Cache-Control": "max-age=60"]),
    (500, [:]), (502, [:]), (503, ["Retry-After": "1"]), (504, [:]), (503, ["Cache-Control": "max-age=60"]),
    (400, ["Cache-Control": "max-age=60"]), (200, ["Cache-Control": "foo no-store, max-age=60"]),
  ]

  /// An origin that answers strangers in one way and all others in another.
  package static func origin(fields: HeaderFields, stranger: (status: Int, fields: HeaderFields)) -> AnyService {
    AnyService(
      Handler { request in
        request.fields.contains("X-Stranger")
          ? CacheResponse(status: stranger.status, fields: stranger.fields, body: Body("for a stranger"))
          : CacheResponse(fields: fields, body: Body("for all"))
      })
  }

  /// A stranger's request.
  package static func request(
    _ demand: HeaderFields, target: String = "/hot", method: RequestMethod = .get
  ) -> CacheRequest {
    var request = CacheRequest(method: method, authority: "example.com", target: target, fields: demand)
    request.fields.append("X-Stranger", "1")
    return request
  }

  /// Lets strangers ask for many resources in all ways, and others ask for the same afterwards.
  ///
  /// - Parameter caches: What is asked through, one after the other. They share a store.
  /// - Returns: What has gone wrong, in words.
  package static func violations(_ caches: [CacheLayer]) async throws -> [String] {
    var violations: [String] = []
    for (number, answer) in answers.enumerated() {
      for (place, demand) in demands.enumerated() {
        var fields: HeaderFields = ["Cache-Control": "max-age=600"]
        if place.isMultiple(of: 2) { fields.append(HeaderName.etag, "\"a\"") }
        let origin = origin(fields: fields, stranger: answer)
        let target = "/\(number)/\(place)"
        let others = CacheRequest(authority: "example.com", target: target)
        for cache in caches {
          // The answer does not wait for a store that takes its time.
          var outcome: CacheOutcome?
          while outcome != .hit {
            let response = try await origin.layer(cache).call(others)
            _ = try await response.body.collect()
            outcome = response.outcome
          }
        }
        for cache in caches {
          for method in [.get, .get, .head] as [RequestMethod] {
            let request = request(demand, target: target, method: method)
            _ = try await origin.layer(cache).call(request).body.collect()
          }
        }
        for cache in caches {
          let response = try await origin.layer(cache).call(others)
          let text = String(decoding: try await response.body.collect(), as: UTF8.self)
          if response.outcome != .hit || text != "for all" {
            violations.append("\(answer) to \(demand): others got \(text), \(response.outcome.map { "\($0)" } ?? "-")")
          }
        }
      }
    }
    return violations
  }

  /// Lets users with cookies ask for pages whose lifetime only the policy gives.
  ///
  /// - Returns: What has gone wrong, in words.
  package static func cookieViolations(_ caches: [CacheLayer]) async throws -> [String] {
    let origin = AnyService(
      Handler { request in CacheResponse(body: Body("for \(request.fields["Cookie"] ?? "all")")) })
    var violations: [String] = []
    for round in 0..<8 {
      for user in [nil, "u=1", "u=2", nil, "u=1"] as [String?] {
        for cache in caches {
          var request = CacheRequest(authority: "example.com", target: "/page/\(round)")
          // In half of the rounds a user with a cookie comes first.
          if let user = round.isMultiple(of: 2) ? user : user.map({ "\($0)0" }) ?? (round % 4 == 1 ? "u=7" : nil) {
            request.fields.append("Cookie", user)
          }
          let response = try await origin.layer(cache).call(request)
          let text = String(decoding: try await response.body.collect(), as: UTF8.self)
          let expected = "for \(request.fields["Cookie"] ?? "all")"
          if text != expected { violations.append("round \(round): \(text) instead of \(expected)") }
        }
      }
    }
    return violations
  }
}
