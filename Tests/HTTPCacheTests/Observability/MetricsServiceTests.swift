//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import Testing

@Suite struct MetricsServiceTests {
  private struct Lives: MetricsSource {
    let count: Double
    var metrics: MetricsSnapshot {
      var snapshot = MetricsSnapshot()
      snapshot.append(MetricSample("lives", .counter, help: "Lives.", value: count))
      return snapshot
    }
  }

  private let service = MetricsService(Lives(count: 9), Lives(count: 1))

  @Test(
    arguments: [
      (
        nil, "text/plain; version=0.0.4; charset=utf-8",
        "# HELP lives_total Lives.\n# TYPE lives_total counter\nlives_total 10\n"
      ),
      (
        "application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "# HELP lives Lives.\n# TYPE lives counter\nlives_total 10\n# EOF\n"
      ),
    ] as [(String?, String, String)])
  func getAndHeadAreAnsweredInTheClientsFormat(_ accept: String?, _ type: String, _ text: String) async throws {
    var fields = HeaderFields()
    if let accept { fields.append("Accept", accept) }
    let get = try await service.call(CacheRequest(authority: "a", target: "/metrics", fields: fields))
    #expect(get.status == 200)
    #expect(get.fields["Content-Type"] == type)
    #expect(get.fields["Cache-Control"] == "no-store")
    #expect(get.fields["Vary"] == "Accept")
    #expect(get.body.bytes == Bytes(text))
    let head = try await service.call(
      CacheRequest(method: .head, authority: "a", target: "/metrics", fields: fields))
    #expect(head.status == 200)
    #expect(head.fields["Content-Type"] == type)
    #expect(head.fields["Content-Length"] == "\(text.utf8.count)")
    #expect(head.body.isEmpty)
  }

  @Test func otherMethodsAreNotAllowed() async throws {
    let response = try await service.call(CacheRequest(method: .post, authority: "a", target: "/metrics"))
    #expect(response.status == 405)
    #expect(response.fields["Allow"] == "GET, HEAD")
    #expect(response.fields["Cache-Control"] == "no-store")
  }
}
