//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The observers of a cache, with what each wants to be told.
struct CacheObservers: Sendable {
  private let all: [(observer: any CacheObserver, interests: CacheEvent.Interests)]
  /// The events that any of them wants to be told of.
  let interests: CacheEvent.Interests

  init(_ observers: [any CacheObserver]) {
    all = observers.map { ($0, $0.interests) }
    interests = all.reduce(into: []) { $0.formUnion($1.interests) }
  }

  /// Whether anybody wants to be told of an event of this kind.
  @inline(__always)
  func want(_ kind: CacheEvent.Kind) -> Bool { !interests.isEmpty && interests.contains(kind.interest) }

  /// Tells those who want to be told.
  func record(_ event: CacheEvent) {
    let interest = event.kind.interest
    for (observer, interests) in all where interests.contains(interest) { observer.record(event) }
  }
}
