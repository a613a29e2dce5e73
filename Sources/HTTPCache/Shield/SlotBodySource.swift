//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A body on its way from the origin, which holds the turn at the origin until it has ended.
final class SlotBodySource: BodySource {
  private let base: any BodySource
  private let slots: [OriginSlot]

  init(_ base: any BodySource, holding slots: [OriginSlot]) {
    self.base = base
    self.slots = slots
  }

  func next() async throws -> Bytes? {
    do {
      if let chunk = try await base.next() { return chunk }
    } catch {
      release()
      throw error
    }
    release()
    return nil
  }

  var trailers: HeaderFields? { base.trailers }

  func cancel() {
    base.cancel()
    release()
  }

  private func release() { for slot in slots { slot.release() } }
}
