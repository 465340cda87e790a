import DequeModule

/// Keeps responses in request order: Kafka clients match them by position as well as by correlation id.
///
/// Pure: it only decides what may be written now. One per connection, used on its event loop.
struct ResponseQueue<Message> {
  /// Names a request of one connection; they count up from 0.
  typealias Ticket = UInt64

  private enum Slot {
    case pending
    case ready(Message?)
  }

  private var slots: Deque<Slot> = []
  private var firstTicket: Ticket = 0

  /// Requests whose response has not been handed out.
  var count: Int { slots.count }

  /// Takes the next place in the order.
  mutating func reserve() -> Ticket {
    slots.append(.pending)
    return firstTicket + Ticket(slots.count) - 1
  }

  /// Sets the response of a request; nil means that it gets none (acks=0). A ticket is completed once.
  mutating func complete(_ ticket: Ticket, _ message: Message?) {
    let index = Int(ticket - firstTicket)
    guard case .pending = slots[index] else { preconditionFailure("a request was answered twice") }
    slots[index] = .ready(message)
  }

  /// The next response that may be written, or nil when the first request in order has none yet.
  mutating func next() -> Message? {
    while case .ready(let message)? = slots.first {
      slots.removeFirst()
      firstTicket += 1
      if let message { return message }
    }
    return nil
  }
}
