//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A turn at the origin by all limits that count for a request: its route's, and the whole cache's.
struct OriginTurn: Sendable {
  private var slots: [OriginSlot] = []

  /// No limits, nothing to give back.
  static let unlimited = OriginTurn()

  /// Waits for a turn by each of `shields`, in order.
  ///
  /// - Returns: The turn; nil when one of them has no room.
  /// - Throws: `CancellationError` when the waiting task is cancelled.
  static func acquire(_ shields: [OriginShield], mayWait: Bool) async throws -> OriginTurn? {
    var turn = OriginTurn()
    for shield in shields {
      do {
        guard let slot = try await shield.acquire(mayWait: mayWait) else {
          turn.giveBack()
          return nil
        }
        turn.slots.append(slot)
      } catch {
        turn.giveBack()
        throw error
      }
    }
    return turn
  }

  /// The origin has begun its answer: the turn ends with the answer's body.
  func ending(with response: CacheResponse) -> CacheResponse {
    guard !slots.isEmpty else { return response }
    for slot in slots { slot.answered(isFailure: RFC9111.isOriginFailure(response.status)) }
    guard case .stream(let source, let length) = response.body.storage else {
      release()
      return response
    }
    var response = response
    response.body = Body(SlotBodySource(source, holding: slots), length: length)
    return response
  }

  /// The origin has failed to answer.
  func failed() {
    for slot in slots { slot.answered(isFailure: true) }
    release()
  }

  /// The origin is not called after all.
  func giveBack() {
    for slot in slots { slot.giveBack() }
  }

  private func release() {
    for slot in slots { slot.release() }
  }
}
