//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A body of unknown length, whose bytes are counted while a client reads it.
final class CountedBodySource: BodySource {
  private let base: any BodySource
  private let counters: CacheCounters
  private let outcome: CacheOutcome
  private let policy: Int
  private let stripe: UInt64

  init(_ base: any BodySource, _ counters: CacheCounters, _ outcome: CacheOutcome, policy: Int, stripe: UInt64) {
    self.base = base
    self.counters = counters
    self.outcome = outcome
    self.policy = policy
    self.stripe = stripe
  }

  func next() async throws -> Bytes? {
    guard let chunk = try await base.next() else { return nil }
    counters.addBytes(chunk.count, to: outcome, policy: policy, stripe: stripe)
    return chunk
  }

  var trailers: HeaderFields? { base.trailers }
  func cancel() { base.cancel() }
}

extension CacheCounters {
  /// Has the content of a response counted while it is read, where its length is not known before.
  @inline(__always)
  func countContent(of response: inout CacheResponse, as outcome: CacheOutcome, policy: Int, stripe: UInt64 = 0) {
    guard response.body.length == nil, case .stream(let source, _) = response.body.storage else { return }
    response.body = Body(CountedBodySource(source, self, outcome, policy: policy, stripe: stripe))
  }
}
