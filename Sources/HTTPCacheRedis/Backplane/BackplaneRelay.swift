//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache
internal import Synchronization

/// Makes events of a backplane of what a subscriber hears, and passes them on to one who listens.
final class BackplaneRelay: Sendable {
  /// As many keys are told one by one; of more, that there is doubt.
  private static let keyLimit = 256

  private let continuation: AsyncStream<BackplaneEvent>.Continuation
  private let keys: RedisKeys
  /// The server counts as a node of its own, whose messages are what it says of keys.
  private let publisher = UInt64.random(in: 1 ... .max)
  private let sequence = Atomic<UInt64>(0)

  init(_ continuation: AsyncStream<BackplaneEvent>.Continuation, keys: RedisKeys) {
    self.continuation = continuation
    self.keys = keys
  }

  func receive(_ event: RedisSubscriber.Event) {
    switch event {
    case .ready, .invalidatedAll: pass(.joined)
    case .message(_, let payload, _):
      // Another version of this library may say what this one does not understand.
      pass(BackplaneMessage(encoded: payload).map { .message($0) } ?? .joined)
    case .invalidated(let names): changed(names)
    // Nothing is known to be missed yet; it will be when the connection is there again.
    case .interrupted: break
    }
  }

  private func changed(_ names: [Bytes]) {
    let changed = names.count <= Self.keyLimit ? names.compactMap { keys.entryKey($0) } : []
    guard changed.count == names.count else { return pass(.joined) }
    for key in changed {
      let number = sequence.wrappingAdd(1, ordering: .relaxed).newValue
      pass(.message(BackplaneMessage(publisher: publisher, sequence: number, content: .superseded(key))))
    }
  }

  private func pass(_ event: BackplaneEvent) {
    // The oldest had to go. Whatever it was, this says that something was missed, and nothing that comes later displaces it
    // without saying the same.
    if case .dropped = continuation.yield(event) { continuation.yield(.joined) }
  }
}
