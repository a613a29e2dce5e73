//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc
  import HTTPCache

  extension UpstreamConnection {
    func pump() {
      while isReadable, phase == .busy, failure == nil, bufferedCount < configuration.bufferSize {
        let scratch = loop.scratch
        let count = cel_read(descriptor, scratch.baseAddress, scratch.count)
        if count > 0 {
          if count < scratch.count, !isPeerClosed { isReadable = false }
          take(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        } else if count == 0 {
          isReadable = false
          serverHasFinished()
        } else if count == -Int(EAGAIN) {
          isReadable = false
        } else {
          isReadable = false
          fail(closedError("the connection broke: \(SocketError(operation: "read", code: CInt(-count)))"))
        }
      }
      // Nothing more is asked of the server before the client has taken what there is.
      if phase == .busy, head != nil, bufferedCount >= configuration.bufferSize || ending != nil && !chunks.isEmpty {
        lease?.clientHasNextStep(at: loop.now)
      }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
      hasReceived = true
      var input = bytes
      do throws(ParseFailure) {
        while let event = try parser?.next(&input) {
          handle(event)
          // An interim response may have led to anything, the end of this connection included.
          guard phase == .busy else { return }
        }
      } catch {
        fail(UpstreamError(.badResponse, origin: origin, error.reason))
      }
      // What comes behind the end was not asked for, and would be taken for the response to the next request.
      if !input.isEmpty { keepsAlive = false }
    }

    private func handle(_ event: ResponseEvent) {
      switch event {
      case .informational(let informational):
        // 100 (Continue) answers an expectation, and this client has none.
        if informational.status != 100 { onInformational?(informational) }
      case .head(let head):
        self.head = head
        lease?.didAnswer()
        keepsAlive = head.keepsAlive && !endsAfterResponse
        mayHaveStrayContent = head.framing == .none
        wake()
      case .body(let bytes):
        chunks.append(bytes)
        bufferedCount += bytes.count
        wake()
      case .end(let trailers):
        ending = .some(trailers)
        wake()
      }
    }

    private func serverHasFinished() {
      keepsAlive = false
      guard ending == nil else { return }
      do throws(ParseFailure) {
        if case .end(let trailers)? = try parser?.finish() { ending = .some(trailers) }
        wake()
      } catch {
        fail(closedError(error.reason))
      }
    }
  }
#endif
