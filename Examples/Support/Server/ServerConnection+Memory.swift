//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  extension ServerConnection {
    /// Takes memory for a request whose head has arrived: for the head, and for what is read ahead of its content.
    func takeMemory(for head: RequestHead) throws(ParseFailure) {
      let ahead = core.configuration.inputBufferSize
      let content =
        switch head.framing {
        case .none: 0
        case .length(let length): min(length, ahead)
        case .chunked, .untilClose: ahead
        }
      let client = core.client(of: head.fields, from: peerAddress)
      // The head no longer goes on.
      giveBackInputMemory()
      let count = head.target.utf8.count + head.fields.serializedByteCount + content
      guard let part = core.memory.take(count, for: client) else { throw Self.isFull }
      requestMemory = part
    }

    /// The request has been answered, or never will be.
    func giveBackRequestMemory() {
      if let part = requestMemory.take() { core.memory.giveBack(part) }
    }

    /// Takes memory for the beginning of a head that goes on, and for requests that wait for the one before.
    func updateInputMemory() {
      // What waits behind content is part of what is read ahead.
      let pending = message == .content ? 0 : pendingInput.count - pendingOffset
      let count = isClosed ? 0 : pending + (message == .none ? parser.heldCount : 0)
      guard count != inputMemory?.count ?? 0 else { return }
      giveBackInputMemory()
      guard count > 0 else { return }
      // A trusted proxy stands for many clients, and which one it is is not known yet.
      let client = core.configuration.forwardedFor.trusts(peerHost) ? nil : peerAddress
      inputMemory = core.memory.take(count, for: client)
      if inputMemory == nil, failure == nil { fail(Self.isFull) }
    }

    private func giveBackInputMemory() {
      if let part = inputMemory.take() { core.memory.giveBack(part) }
    }

    private static var isFull: ParseFailure {
      ParseFailure(503, "there are too many requests that are not answered yet; try again later")
    }
  }
#endif
