//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache
import Synchronization

/// What `redis-server` and `memcached-server` serve: reports that take their time, and carry a tag by which they are
/// invalidated.
public final class Reports: Sendable {
  private let work: Duration
  private let madeCount = Atomic(0)

  /// - Parameter work: How long one takes to make.
  public init(taking work: Duration) { self.work = work }

  /// How many have been made in this process.
  public var count: Int { madeCount.load(ordering: .relaxed) }

  /// The handler.
  public func answer(_ request: CacheRequest) async throws -> CacheResponse {
    let fields: HeaderFields = ["Content-Type": "text/plain; charset=utf-8"]
    let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
    guard parts.count == 2, !parts[1].isEmpty else { return missing }
    switch (parts[0], request.method) {
    case ("reports", .get), ("reports", .head), ("summaries", .get), ("summaries", .head):
      // Before it is read what the tag stands for, so that there is no moment at which a change could go unnoticed.
      CacheTags.add("report:\(parts[1])")
      try await Task.sleep(for: work)
      let number = madeCount.wrappingAdd(1, ordering: .relaxed).newValue
      let kind = parts[0] == "reports" ? "Report" : "Summary"
      return CacheResponse(
        fields: fields, body: Body("\(kind) \(parts[1]), the response number \(number) made here.\n"))
    case ("reports", .post):
      // What is made of the same data becomes void with it.
      CacheTags.invalidate("report:\(parts[1])")
      return CacheResponse(status: 204)
    case ("tags", .delete):
      CacheTags.invalidate(parts[1])
      return CacheResponse(status: 204)
    default:
      return missing
    }
  }

  private var missing: CacheResponse {
    CacheResponse(
      status: 404, fields: ["Content-Type": "text/plain; charset=utf-8"],
      body: "There are GET and POST /reports/NAME, GET /summaries/NAME, and DELETE /tags/report:NAME.\n")
  }

  /// The commands to try.
  public static func usage(_ url: String) -> String {
    """
      curl -i \(url)/reports/7      takes its time, and is stored
      curl -i \(url)/reports/7      a hit; also after a restart of this program, and from others on the same server
      curl -i \(url)/summaries/7    made of the same data
      curl -i -X POST \(url)/reports/7          changes it: report and summary are void, for every program
      curl -i -X DELETE \(url)/tags/report:7    the same by the name of their tag
    """
  }
}
