//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One reader of a body log. Leaves the log when it is cancelled or dropped.
final class BodyLogReader: BodySource {
  private let log: BodyLog
  private let id: BodyLogState.ReaderID

  init(log: BodyLog, id: BodyLogState.ReaderID) {
    self.log = log
    self.id = id
  }

  func next() async throws -> Bytes? { try await log.read(id) }
  var trailers: HeaderFields? { log.trailers }
  func cancel() { log.detach(id) }

  /// Says that no more will be read, but that the body is worth storing.
  func leaveToStore() { log.detach(id, isKept: true) }

  deinit { log.detach(id) }
}
