//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// A flight, and with it all that its request and response hold on to, is gone when it has ended: each miss makes one.
@Suite(.timeLimit(.minutes(5))) struct FlightLifetimeTests {
  private final class Weak: Sendable {
    private let find: @Sendable () -> Flight?

    init(_ flight: Flight?) {
      find = { [weak flight] in flight }
    }

    var flight: Flight? { find() }
  }

  /// What the origin does.
  enum Answer: CaseIterable {
    case whole
    case stream
    case streamTooLong
    case streamThatBreaks
    case refused
    case serverError
    case failure
  }

  @Test(arguments: Answer.allCases, [nil, .seconds(30)] as [Duration?])
  func `whatever the origin answers, and whoever waits`(answer: Answer, timeout: Duration?) async throws {
    var policy = CachePolicy(timeToLive: .seconds(60), staleWhileRevalidate: .seconds(60))
    policy.softTimeout = timeout
    policy.hardTimeout = timeout.map { $0 * 2 }
    policy.maximumBodySize = 100
    policy.uncacheableTimeToLive = .zero
    let fixture = try Fixture(policy)
    let cache = fixture.cache
    let seen = Locked([Weak]())
    let service = CountingOrigin { _, number in
      for flight in cache.flights.all { seen.withLock { $0.append(Weak(flight)) } }
      if number == 1 { await cache.waitForWaiters(2) }
      let channel = BodyChannel()
      switch answer {
      case .whole: return CacheResponse(body: "x")
      case .refused: return CacheResponse(fields: ["Cache-Control": "no-store"], body: "x")
      case .serverError: return CacheResponse(status: 500)
      case .failure: throw OriginError()
      case .stream, .streamTooLong, .streamThatBreaks:
        Task {
          _ = await channel.write(Bytes(repeatElement(120, count: answer == .streamTooLong ? 200 : 20)))
          if answer == .streamThatBreaks { channel.fail(OriginError()) } else { channel.finish() }
        }
        return CacheResponse(body: channel.body)
      }
    }.layer(cache)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask { _ = try? await service.call(.get("/")).text() }
      }
    }
    let flights = seen.withLock { $0 }
    #expect(!flights.isEmpty)
    await eventually { flights.allSatisfy { $0.flight == nil } }
  }
}
