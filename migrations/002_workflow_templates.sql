-- 002: the practice's master workflow, so that a new project starts with its whole task list.

-- Placeholders known to the e-mail templates (Jinja):
--   client.name             mails to the client only
--   recipient.name          mails to a vendor or a trade
--   sender.name
--   project.name            project.address             project.project_type
--   project.investment_estimate                         project.exhibit_b_total
--   meeting.date
--   fee.label               fee.amount                  fee.due_date
-- Money and dates reach a template as a person reads them ($12,500.00, Monday, March 9, 2026).
-- A mail to a vendor or a trade never shows what the client pays, nor a mail to the client what the practice pays.

INSERT INTO email_templates (name, phase, subject_template, body_template, requires_review)
VALUES
    -- To the client
    ('Welcome and next steps', 'conceptual_design',
     'Welcome, and what happens next on {{ project.name }}',
     $mail$Dear {{ client.name }},

Thank you for trusting us with {{ project.name }}. Your signed agreement is on file and your project has its place on our calendar.

Here is what comes next. Please fill in the attached household questionnaire before our kickoff call on {{ meeting.date }}; honest answers about how you live, host, work and rest help us more than perfect ones. After the call we will visit {{ project.address }} to measure and photograph every room. From there we develop the concept and a room-by-room investment estimate, and present both at your conceptual design meeting.

You will hear from us every week, even in quiet weeks. In between, please write to me rather than text, so that no decision gets lost.

Have your travel dates at hand for the call, and we will plan around them.

Warm regards,

{{ sender.name }}$mail$,
     true),

    ('Site documentation visit', 'conceptual_design',
     'Our visit to measure {{ project.address }} on {{ meeting.date }}',
     $mail$Dear {{ client.name }},

We will come to {{ project.address }} on {{ meeting.date }} to measure and photograph the rooms of {{ project.name }}. Two of us will be there for about half a day; you need not stay with us the whole time.

There is no need to tidy up for us, but three things help. Please clear a path to windows, outlets and closets. Set aside or mark the pieces you would like to keep, so that we can measure them too. And let us know about parking, gate or alarm codes, and pets that should not meet an open door.

Our photographs are working records for the design team and are not published.

If the date no longer suits you, reply to this email and we will find another one this week.

Warm regards,

{{ sender.name }}$mail$,
     false),

    ('Design fee invoice', NULL,
     'Invoice for {{ project.name }}: {{ fee.label }}',
     $mail$Dear {{ client.name }},

Attached is our invoice for {{ project.name }}.

Installment: {{ fee.label }}
Amount: {{ fee.amount }}
Due: {{ fee.due_date }}

This installment is part of the design fee set out in your agreement. It covers our design services only; furnishings and trades are always billed separately, with your approval first.

You can pay by check or bank transfer as described on the invoice. Our bank details do not change during a project. If a message ever tells you that they have, please call us at the number you already have before sending anything.

Should anything on the invoice be unclear, call or write to me and we will go through it together.

Thank you,

{{ sender.name }}$mail$,
     true),

    ('Weekly client update', NULL,
     'Your weekly update on {{ project.name }}',
     $mail$Dear {{ client.name }},

Here is your weekly note on {{ project.name }}.

Our team went through your project this week, room by room, and the schedule, the open questions and the status of everything in progress are up to date as of today. Our next date together is {{ meeting.date }}, and the work that has to be ready for it is on our calendar.

If we need a decision from you, you already have a separate message that says what we are asking and by when. An answer by that day is the best way to hold your dates. News about price, timing or availability never waits for this note; you hear it from us as soon as we do.

Second thoughts, questions, or a photo of something that caught your eye are welcome at any time. Simply reply to this email.

Warm regards,

{{ sender.name }}$mail$,
     false),

    ('Layout meeting invitation', 'conceptual_design',
     'Looking at the layouts for {{ project.name }} on {{ meeting.date }}',
     $mail$Dear {{ client.name }},

The layouts for {{ project.name }} are ready to look at together. Please join us on {{ meeting.date }}, and plan on ninety minutes.

We will walk through each renovated room on paper: where walls, plumbing and cabinetry go, how you move through the space, and what each choice means for cost and construction time. Colors and furniture come later; this conversation is about how the rooms work.

It helps if everyone who has a say in the plan can be there. Before we meet, think of an ordinary Tuesday morning and of your largest holiday dinner. If the plan works for both, it is the right one.

If the date is difficult for one of you, please tell us now and we will move it.

Warm regards,

{{ sender.name }}$mail$,
     false),

    ('Conceptual design meeting invitation', 'conceptual_design',
     'Your conceptual design meeting on {{ meeting.date }}',
     $mail$Dear {{ client.name }},

We are looking forward to showing you the concept for {{ project.name }} on {{ meeting.date }}. Please plan on two hours, and have everyone present who will make decisions.

You will see the furniture plan and a concept board for each room, and you will handle the fabrics and finishes that set the direction. We will then go through the investment estimate room by room. It is built from our own experience of comparable projects and prepares Exhibit B, which we will ask you to sign after the meeting.

Please react freely. A clear no to a color or a shape on that day saves weeks later, and you will not hurt our feelings.

If you would like someone to join by video, let me know and we will set it up.

Warm regards,

{{ sender.name }}$mail$,
     false),

    ('Exhibit B for signature', 'conceptual_design',
     'Exhibit B for {{ project.name }}, ready for your signature',
     $mail$Dear {{ client.name }},

Thank you for your time and your frank comments on {{ meeting.date }}. Attached is Exhibit B for {{ project.name }}, with everything we agreed worked in.

Exhibit B states the investment for each room and comes to {{ project.exhibit_b_total }} in all. These are the amounts we will design to. They include furnishings, freight and the work of the trades as noted; what is not included is listed at the end of the document.

Please read it room by room and sign it within five working days. Detailed design starts once the signed copy is back with us, because from then on every selection is measured against these amounts.

If a room no longer feels right, please call me before you sign. Moving an amount is simple today and much harder after selections are made.

Warm regards,

{{ sender.name }}$mail$,
     true),

    ('Detailed design meeting invitation', 'detailed_design',
     'Your detailed design meeting on {{ meeting.date }}',
     $mail$Dear {{ client.name }},

Every room of {{ project.name }} is now designed down to the welt cord, and we would like to show you on {{ meeting.date }}. Please plan on three hours, with a break in the middle.

You will see each piece with its tear sheet, its fabric and finish samples, its place on the plan, its price and its lead time. Please wear or bring anything you want to match, and sit, touch and ask.

Our aim is to leave with a yes or a no for each piece. What you approve can be reserved at once; what you decline we will re-select and bring back to you soon after.

Fabrics and stock are not held for us until orders are placed, so please have every decision maker in the room.

Warm regards,

{{ sender.name }}$mail$,
     false),

    ('Final selections for approval', 'detailed_design',
     'Please approve the final selections for {{ project.name }}',
     $mail$Dear {{ client.name }},

Following our meeting on {{ meeting.date }}, attached are the proposals for {{ project.name }} with your changes made. Each one shows the piece, its fabric and finish, its price with freight, and its expected lead time.

For reference, your Exhibit B total is {{ project.exhibit_b_total }}. The cover sheet compares each room with its Exhibit B amount and explains any difference.

Please check the details, initial each page and return the set within five working days; the deposit shown on the cover sheet is due with your approval. Custom pieces are made to order and cannot be canceled or returned once production begins, so fabric, finish and dimensions deserve a second look.

Prices and stock are quoted for a limited time. If you need longer, tell me which pieces, and I will ask the vendors to extend.

Warm regards,

{{ sender.name }}$mail$,
     true),

    ('Delay notice and options', 'purchasing',
     'A delay on {{ project.name }}, and how we can handle it',
     $mail$Dear {{ client.name }},

I have news that I would rather give you early than late. A piece for {{ project.name }} will arrive later than we were promised. The attached sheet shows the piece, the first date and the new one.

You have three options. We can wait, and where it makes sense lend you a piece for the meantime. We can change to a fabric or finish that is in stock, if the maker offers one. Or we can select another piece, provided that the order can still be canceled. The sheet says which of these are open and which one we recommend.

Please let me know your preference within three working days; until then we keep our place in the production line. If installation has to move, we will show you the new date before anything is changed.

I am sorry for the wait.

Warm regards,

{{ sender.name }}$mail$,
     true),

    ('Installation and reveal dates', 'reveal_punch_list',
     'Installation of {{ project.name }} and your reveal on {{ meeting.date }}',
     $mail$Dear {{ client.name }},

The pieces for {{ project.name }} are inspected and waiting in the warehouse, and your reveal is set for {{ meeting.date }}. The delivery crew, the art hanger and our team will be at {{ project.address }} on the days before; the attached plan lists who comes when.

We ask you to stay away while we work. A half-placed room looks like a mistake, and we would like you to see the finished one first. Please arrange for pets, leave us a key or code, keep the driveway free for a truck, and put valuables and medication out of the way.

On reveal day, allow two hours. We will walk each room with you and note anything that is not yet right.

We would also like to photograph the rooms afterward. If you prefer that we do not, just say so.

Warm regards,

{{ sender.name }}$mail$,
     false),

    ('Project close and thank you', 'reveal_punch_list',
     'Thank you from all of us, and your home binder',
     $mail$Dear {{ client.name }},

With the last item on the punch list done, {{ project.name }} is complete. Thank you for letting us into your home and into your family's routines; it has been a pleasure to see the rooms come alive.

Your warranty and care binder holds every warranty, fabric care code, paint color and reorder number. Please look there before cleaning a fabric or a stone for the first time.

We will come by on {{ meeting.date }} to see how the rooms wear in daily life and to adjust anything that has settled: a cushion, a door, a hem. If something worries you sooner, call us right away.

If you enjoyed working with us, a few honest lines in a review, or a word to a friend, mean more to a small practice than any advertisement.

With gratitude,

{{ sender.name }}$mail$,
     true),

    -- To trades
    ('Trade day invitation', 'conceptual_design',
     'Trade day at {{ project.address }} on {{ meeting.date }}',
     $mail$Dear {{ recipient.name }},

We would like you to look at a new project with us: {{ project.name }}, at {{ project.address }}. Trade day is {{ meeting.date }}; the attached sheet shows your time slot and the rooms and work we have in mind for you.

Please bring what you need to measure, and allow forty-five minutes. One of our designers will walk you through. The client may be at home, so please keep any talk of cost for us.

After the visit we need a ballpark within seven working days: a low and a high figure, your current lead time, and anything you saw on site that could change the price. A final request for quote follows once selections are made.

If we do not have your current certificate of insurance, please send it before the visit.

Thank you, and see you there,

{{ sender.name }}$mail$,
     false),

    ('General contractor walk-through invitation', 'conceptual_design',
     'Invitation to walk {{ project.name }} on {{ meeting.date }}',
     $mail$Dear {{ recipient.name }},

We are inviting a small number of general contractors to look at {{ project.name }}, a residential renovation at {{ project.address }}. The walk-through is on {{ meeting.date }}; your time slot is on the attached sheet, together with the signed-off layouts.

Please bring your estimator, and the electrician or plumber if you want their eyes on it. We will point out walls to be moved, plumbing to be relocated and the finish level we have in mind.

Within eight working days afterward, please send us a ballpark by trade, your likely start date, the duration, and the risks you see behind the walls. It is not a bid and will not be held against you. Please send figures to our office only.

We also need your license number, proof of insurance and two recent references.

Kind regards,

{{ sender.name }}$mail$,
     false),

    ('Final request for quote', 'detailed_design',
     'Final request for quote: {{ project.name }}',
     $mail$Dear {{ recipient.name }},

Thank you for your ballpark on {{ project.name }}. The design is now complete, and we ask for your final quote. Attached are the drawings and schedules for your part of the work, and a sheet that says who supplies, who stores and who installs each item.

Please quote on our form, line by line, so that we can compare like with like. State labor and material separately, anything you exclude, allowances if you cannot avoid them, your earliest start, the duration, and how long the price is good for.

Send your questions in writing within three working days; we answer them to everyone quoting the same work. The due date of the quote is on the form.

If something in the drawings cannot be built as shown, we would much rather hear it now.

Kind regards,

{{ sender.name }}$mail$,
     true),

    ('Decision for a contractor not chosen', 'purchasing',
     'Our decision on {{ project.name }}',
     $mail$Dear {{ recipient.name }},

Thank you for the time and care you put into your quote for {{ project.name }}. The owner has decided to go with another contractor for this project.

I know how much work goes into walking a house, bringing in your subcontractors and pricing a full set of drawings, and I do not take it for granted. If it would help you, call me and I will gladly tell you how your scope and schedule compared, though not what others charged.

Please delete or return the drawings, which remain the property of our practice and contain private details of the home.

We thought well of working with you through this process, and would like to invite you again when a project fits.

With thanks and kind regards,

{{ sender.name }}$mail$,
     true),

    ('Trade schedule confirmation', NULL,
     'Please confirm your dates on {{ project.name }}',
     $mail$Dear {{ recipient.name }},

You are on the schedule for {{ project.name }} at {{ project.address }}. The attached schedule shows your days, who works before and after you, and the state in which we will hand you the rooms.

Please reply within two working days to confirm, with the name and cell number of your lead person on site. If you cannot hold the dates, tell us now; a slip of one day moves everyone behind you.

House rules: work starts at 8:00 and ends at 5:00, shoe covers on finished floors, no smoking, no radio, and nothing stored on kept furniture. Take your debris with you. Photograph anything already damaged before you begin.

Questions on site come to us and not to the homeowner. My cell phone is on all day.

Thank you,

{{ sender.name }}$mail$,
     false),

    -- To vendors and workrooms
    ('Vendor quote request', 'detailed_design',
     'Quote request, sidemark {{ project.name }}',
     $mail$Dear {{ recipient.name }},

Please quote the items on the attached list, sidemark {{ project.name }}. Each line gives the SKU, size, finish and fabric we have specified.

For each line we need our net price, any surcharge, COM yardage for the repeat and direction noted, carton count and weight, freight to our receiving warehouse, and the lead time as of today. For items in stock, please state the quantity on hand and how long you can hold it.

If an item is discontinued or about to change in price, please say so and suggest the nearest current one. Where a strike-off, cutting or finish sample is offered, please include its cost and turnaround.

We need your answer within five working days in order to keep our presentation date. Please note how long the quote is good for.

Kind regards,

{{ sender.name }}$mail$,
     true),

    ('Purchase order for acknowledgment', 'purchasing',
     'Purchase order, sidemark {{ project.name }}',
     $mail$Dear {{ recipient.name }},

Attached is our purchase order, sidemark {{ project.name }}. Please enter it and return your acknowledgment within three working days.

On the acknowledgment, please confirm the item, size, finish, fabric and direction, our net price, the freight terms, the estimated ship date and the ship-to address, which is our receiving warehouse and never the client's home. If anything differs from our order, call us before you release it to production.

Orders marked for approval must not be cut or finished until we have signed the cutting, strike-off or shop drawing. Where fabric is ours, it will arrive tagged with our purchase order number; please inspect it on arrival and tell us about flaws before cutting.

Every carton needs the sidemark and the purchase order number on the outside.

Thank you,

{{ sender.name }}$mail$,
     true),

    ('Order status request', 'purchasing',
     'Status of our open orders, sidemark {{ project.name }}',
     $mail$Dear {{ recipient.name }},

Attached is the list of our open orders with you for sidemark {{ project.name }}. Could you please update it by the end of tomorrow?

For each line we need the current stage (waiting for material, in production, in finishing, ready to ship, shipped), the ship date as you see it today, and the carrier and tracking number where there is one. If a date has moved since your last answer, please give us the reason, so that we can tell whether it will move again.

Please also tell us what you are waiting for from us: fabric, an approval, or a payment. We would like nothing to sit on our account.

We are setting delivery and installation crews by these dates, so an honest late date is better than a hopeful early one.

Kind regards,

{{ sender.name }}$mail$,
     false),

    ('Damage report and replacement request', 'construction',
     'Damage report within the claim window, sidemark {{ project.name }}',
     $mail$Dear {{ recipient.name }},

A shipment for sidemark {{ project.name }} reached our receiving warehouse damaged. The attached inspection report shows the purchase order number, the date of receipt, the damage as noted on the bill of lading, and photographs of the piece, the carton and its label.

We are reporting it within five days of receipt. Please open a claim, confirm the claim number by return, and tell us within three working days which of these you propose: a replacement with its ship date, replacement parts, or a repair by a local furniture medic at your cost.

The piece and all packaging are being held for inspection. Please let us know when we may release them.

Installation dates depend on your answer, so we would be grateful if you could treat this as urgent.

Kind regards,

{{ sender.name }}$mail$,
     true),

    ('Punch list items for correction', 'reveal_punch_list',
     'Punch list items for you on {{ project.name }}',
     $mail$Dear {{ recipient.name }},

Thank you for your work on {{ project.name }}. We walked the finished rooms with the homeowner, and the attached punch list shows the items that fall to you, each with a photograph, its room and what a finished correction looks like.

We would like all corrections at {{ project.address }} done in one visit, on {{ meeting.date }}. Please confirm within two working days that you can be there, and tell us which parts or materials you need to order first and when they will arrive.

If you believe that an item is not yours, call me before the visit and not from the driveway. We will look at the scope sheet together.

Please send a photograph of each corrected item on the same day, so that we can inspect it and close it on our list.

Kind regards,

{{ sender.name }}$mail$,
     false);


INSERT INTO workflow_templates (phase, task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template_id)
SELECT 'conceptual_design', task.task_order, task.name, task.description, task.duration_days, task.is_renovation_only, task.is_recurring, email_templates.id
FROM (VALUES
    -- Onboarding
    (1, 'Open the project file and assign the sidemark',
     'The signed agreement and Exhibit A are filed, the rooms in the project match Exhibit A, and every vendor-facing paper will carry the same sidemark.',
     1, false, false, NULL),
    (2, 'Hand the project over from sales to the design team',
     'The designer and the project manager have read the screening answers, and every promise made before signing (dates, budget range, must-keep pieces) is written in the file.',
     1, false, false, NULL),
    (3, 'Send the welcome letter and household questionnaire',
     'The client has the letter, the questionnaire and the kickoff date, and knows who to write to.',
     1, false, false, 'Welcome and next steps'),
    (4, 'Invoice design fee payment 1',
     'The invoice matches the fee schedule in the agreement, has been sent, and payment 1 is marked invoiced with its due date.',
     1, false, false, 'Design fee invoice'),
    (5, 'Hold the kickoff call with the client',
     'Decision makers, preferred channel, travel dates and target completion are recorded, and the site visit and the CDM are on everyone''s calendar.',
     1, false, false, NULL),
    (6, 'Collect design fee payment 1',
     'Payment 1 has cleared and is posted as paid; concept work is not released to the team before that.',
     7, false, false, NULL),
    (7, 'Hold the weekly internal project review',
     'Each week the team has gone through open tasks, blocked items and the next client date; every late task leaves the room with an owner and a new date.',
     1, false, true, NULL),
    (8, 'Send the weekly client update during concept',
     'Each week the client knows where the concept stands, what the next date is, and which decisions are waiting on them.',
     1, false, true, 'Weekly client update'),

    -- Site documentation
    (9, 'Confirm the site documentation visit with the client',
     'Date, parking, access codes, pets and the rooms to be cleared are confirmed in writing, and two people from the studio are booked.',
     1, false, false, 'Site documentation visit'),
    (10, 'Measure and photograph every room in Exhibit A',
     'Walls, ceiling heights, window trim, outlets, switches, vents and thermostats are measured, and each wall, ceiling and window is photographed.',
     1, false, false, NULL),
    (11, 'Inventory the pieces the client is keeping',
     'Each kept piece has a photo, dimensions, a note on condition, and a destination room or the decision to store, reupholster or refinish it.',
     1, false, false, NULL),
    (12, 'Measure the delivery path for large pieces',
     'Doors, stair turns, hallways and elevator are measured, and the largest sofa, mattress and case piece that can get in is stated in the file.',
     1, false, false, NULL),
    (13, 'Draw existing plans and window elevations to scale',
     'As-built plans at 1/4 inch scale and window-wall elevations are drawn, and a second person has checked them against the field notes.',
     4, false, false, NULL),

    -- Programming
    (14, 'Review the questionnaire and inspiration images with the client',
     'Likes and dislikes are sorted with the reason behind each, and pets, children, allergies and durability needs are noted per room.',
     1, false, false, NULL),
    (15, 'Write the design brief room by room',
     'One page per room states use, seating count, storage, kept pieces, must-haves and limits, and the principal has approved it as the yardstick for the concept.',
     2, false, false, NULL),

    -- Layouts
    (16, 'Prepare layout options for the renovated rooms',
     'Each renovated room has two or three scaled options for walls, plumbing, cabinetry and circulation, with possible bearing walls and moved drains flagged.',
     6, true, false, NULL),
    (17, 'Hold the layout meeting',
     'The client has seen every option, picked a direction for each renovated room, and their comments are marked on the prints.',
     1, true, false, 'Layout meeting invitation'),
    (18, 'Revise the layouts from the marked-up prints',
     'One revised layout per renovated room answers every comment from the meeting, with clearances at appliances, fixtures and doors dimensioned.',
     4, true, false, NULL),
    (19, 'Hold the layout revision meeting',
     'The client has gone through the revised layouts, and no open question about a wall, a fixture location or a cabinet run remains.',
     1, true, false, 'Layout meeting invitation'),
    (20, 'Get the final layouts signed off',
     'The client has signed and dated one layout per renovated room and understands that later changes are an additional service.',
     3, true, false, NULL),
    (21, 'Draw the furniture plan to scale',
     'Every room shows real furniture sizes, rug outlines, walkways of at least 36 inches, sight lines to the TV and focal point, and a lamp within reach of each seat.',
     4, false, false, NULL),

    -- Trade day and ballparks
    (22, 'Invite the soft trades to trade day',
     'Drapery workroom, paperhanger, upholsterer, painter and electrician have confirmed time slots, and a current insurance certificate is on file for each.',
     2, false, false, 'Trade day invitation'),
    (23, 'Invite general contractors to the walk-through',
     'Two or three licensed and insured GCs have accepted a slot and hold the signed-off layouts.',
     2, true, false, 'General contractor walk-through invitation'),
    (24, 'Hold trade day with the soft trades on site',
     'Each trade has measured, seen the rooms and asked its questions, and the answers are noted so that all price the same work.',
     1, false, false, NULL),
    (25, 'Walk the house with each GC on trade day',
     'Each GC has seen panel, crawl space, attic and shut-offs, and the risks found behind walls and under floors are written down.',
     1, true, false, NULL),
    (26, 'Collect ballparks from the soft trades',
     'Every invited trade has given a low and a high figure with its current lead time, or has been replaced.',
     7, false, false, NULL),
    (27, 'Collect and compare the GC ballparks',
     'Each ballpark is broken down by trade, large gaps between GCs are explained, and one figure per renovated room is chosen for the estimate.',
     8, true, false, NULL),

    -- Concept
    (28, 'Pull the palette of fabrics, finishes and colors',
     'Each room has a tray of physical samples that work together in the home''s own daylight and at evening lamplight.',
     4, false, false, NULL),
    (29, 'Choose concept pieces for silhouette and scale',
     'The main pieces of each room have an image that shows shape, scale and quality tier, marked as direction and not as final product.',
     3, false, false, NULL),
    (30, 'Build the concept boards',
     'Each room has one board on which every image and material can be traced to a line of the design brief.',
     4, false, false, NULL),
    (31, 'Pin up the concept for the principal''s critique',
     'The principal has marked up boards and furniture plans, corrections are made, and rooms seen from one another read as one house.',
     2, false, false, NULL),

    -- Investment estimate
    (32, 'List every item needed, room by room',
     'Furniture, rugs and pads, lighting, window treatments, bedding, art and accessories each stand as a line with quantity and size; no room is empty.',
     2, false, false, NULL),
    (33, 'Price every room from the benchmarks',
     'Every line carries a benchmark price at the agreed quality tier and its freight factor, and every room shows an estimate.',
     2, false, false, NULL),
    (34, 'Add trade ballparks, receiving, tax and contingency',
     'Trade labor, receiving and storage, white-glove delivery, sales tax and a stated contingency are visible in the estimate instead of hidden in item prices.',
     1, false, false, NULL),
    (35, 'Test the estimate against the client''s budget range',
     'The principal has approved the total, and each room above the range has a less costly alternative or a later phase ready to offer.',
     1, false, false, NULL),
    (36, 'Draft Exhibit B from the estimate',
     'Exhibit B lists each room''s investment, inclusions and exclusions, and its total agrees with the investment estimate to the dollar.',
     1, false, false, NULL),

    -- Conceptual design meeting
    (37, 'Send the CDM invitation',
     'All decision makers have confirmed date, place and length of the meeting.',
     1, false, false, 'Conceptual design meeting invitation'),
    (38, 'Assemble the CDM presentation',
     'Plans, boards, sample trays and the room-by-room estimate are printed in presentation order and have been talked through once from start to end.',
     2, false, false, NULL),
    (39, 'Present the concept and investment estimate at the CDM',
     'The client has responded to every room and to its figure, and the meeting is recorded as completed.',
     1, false, false, NULL),
    (40, 'Write up the CDM notes and action items',
     'Within two days each decision, change and open question from the CDM stands in writing with an owner and a due date.',
     2, false, false, NULL),
    (41, 'Revise concept, estimate and Exhibit B after the CDM',
     'Every change asked for at the CDM is worked into plans, boards and room estimates, and Exhibit B is updated to match.',
     4, false, false, NULL),
    (42, 'Hold the CDM revision meeting',
     'The client has accepted the revised rooms and figures; if no changes were asked for, the task is skipped with that reason.',
     1, false, false, NULL),
    (43, 'Send Exhibit B for signature',
     'The final Exhibit B is with the client, with a date by which the signed copy is needed.',
     1, false, false, 'Exhibit B for signature'),
    (44, 'File the signed Exhibit B',
     'The countersigned Exhibit B is on file, the signed amount is entered for each room, and the client has a copy.',
     5, false, false, NULL)
) AS task (task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template)
LEFT JOIN email_templates
    ON email_templates.name = task.email_template
ORDER BY task.task_order;


INSERT INTO workflow_templates (phase, task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template_id)
SELECT 'detailed_design', task.task_order, task.name, task.description, task.duration_days, task.is_renovation_only, task.is_recurring, email_templates.id
FROM (VALUES
    -- Planning
    (1, 'Plan the rooms backward from the DDM date',
     'The DDM is on the client''s calendar, and each room has its Exhibit B amount as target and dates for sourcing, quotes and internal review.',
     1, false, false, NULL),
    (2, 'Hold the weekly selections review',
     'Each week the designer has shown new selections to the principal, with the running total of each room against its Exhibit B amount.',
     1, false, true, NULL),
    (3, 'Send the weekly client update during detailed design',
     'Each week the client knows which rooms are being sourced, when the DDM is, and what is needed from them.',
     1, false, true, 'Weekly client update'),

    -- Construction drawings
    (4, 'Draw the demolition and construction plans',
     'Existing, demolition and new-work plans are dimensioned and keyed, and an engineer has answered every question about bearing walls.',
     8, true, false, NULL),
    (5, 'Select and schedule the finishes and fixtures',
     'Tile, stone, plumbing, appliances, hardware and flooring are chosen and listed by room with model, finish, quantity with waste, and who supplies them.',
     5, true, false, NULL),
    (6, 'Draw the reflected ceiling plan and electrical plan',
     'Recessed cans, junction boxes, switching, dimmers, outlets, low voltage and HVAC registers are located and dimensioned, clear of beams and ducts.',
     4, true, false, NULL),
    (7, 'Draw the cabinetry and tile elevations',
     'Every cabinet wall and tiled surface is drawn with dimensions, fillers, hardware positions, tile layout, grout joint and edge condition.',
     6, true, false, NULL),

    -- Sourcing
    (8, 'Source sofas, chairs and other upholstery',
     'Each seat has a first choice and a runner-up with tear sheets showing frame, cushion fill, seat height and depth, COM yardage and lead time.',
     6, false, false, NULL),
    (9, 'Source tables, beds and case pieces',
     'Each piece fits its place on the plan and the delivery path, with tear sheet, finish options and lead time on file.',
     5, false, false, NULL),
    (10, 'Source rugs and rug pads',
     'Sizes are set by the furniture plan, fiber suits the traffic and the pets, and custom rugs have a pom or strike-off on order.',
     3, false, false, NULL),
    (11, 'Source decorative lighting and lamps',
     'Each fixture has size, hanging height, lamp type, color temperature, dimmer type and weight noted, and damp rating where the room needs it.',
     3, false, false, NULL),
    (12, 'Select drapery and upholstery fabrics',
     'Each fabric has width, repeat, direction, rub count, cleaning code and use noted, and performance fabric is used where the brief calls for it.',
     4, false, false, NULL),
    (13, 'Select wallpaper and paint colors',
     'Papers have repeat, match and roll length noted, and brushed-out paint samples have been looked at on the real walls by day and by night.',
     3, false, false, NULL),
    (14, 'Source bedding, art and mirrors',
     'Each bed has its layers and sizes, and each art and mirror location has a piece with dimensions, framing and hanging weight.',
     4, false, false, NULL),
    (15, 'Order memo samples and finish chips',
     'A current memo or chip of every fabric and finish is in the room''s tray, labeled with item and vendor, and return dates are logged.',
     6, false, false, NULL),

    -- Drawings and specifications
    (16, 'Redraw plans and elevations with the chosen products',
     'Plans and art, sconce and wallpaper elevations show catalog dimensions, and nothing overlaps a vent, a switch or a door swing.',
     4, false, false, NULL),
    (17, 'Detail the custom upholstery and case pieces',
     'Each custom piece has a dimensioned drawing with seat or shelf heights, seams, welt or nailhead, leg and finish, and COM direction.',
     3, false, false, NULL),
    (18, 'Field-measure with the drapery workroom and paperhanger',
     'The trades'' own final measurements are in writing for every window and wall; openings that construction will change are marked for remeasuring after trim.',
     1, false, false, NULL),
    (19, 'Draw the window treatment details',
     'Each window shows mount height, rod or track, stack, return, fullness, lining, hem and control side, from the workroom''s measurements.',
     3, false, false, NULL),
    (20, 'Confirm COM yardage with each maker',
     'Each upholsterer and workroom has stated in writing the yardage for this repeat and direction, railroaded or up the roll, plus overage.',
     3, false, false, NULL),
    (21, 'Write the specification for every line item',
     'No line is a generic estimate any more: each has product name, SKU, size, finish, fabric with yardage, and quantity.',
     4, false, false, NULL),

    -- Quotes
    (22, 'Write the scope delineation',
     'For each part of the work the sheet says who supplies, receives, stores, installs and warrants it: client, practice, GC or soft trade.',
     2, true, false, NULL),
    (23, 'Issue the final RFQ to the general contractors',
     'Each GC has the full drawing set, schedules, scope delineation and bid form, and has confirmed the due date.',
     1, true, false, 'Final request for quote'),
    (24, 'Issue the final RFQ to the soft trades',
     'Each soft trade has drawings, yardage, final measurements and a quote form for exactly its own work.',
     1, false, false, 'Final request for quote'),
    (25, 'Send quote requests to the vendors',
     'Every specified item is out for net price, freight, stock and lead time, with at least two vendors asked where a piece is not exclusive.',
     2, false, false, 'Vendor quote request'),
    (26, 'Collect the vendor quotes',
     'Every line has at least one written quote with net price, freight, lead time in weeks and expiry date.',
     7, false, false, NULL),
    (27, 'Collect the final soft trade quotes',
     'Each trade''s fixed price, exclusions and earliest start are recorded, and differences from its ballpark are explained.',
     8, false, false, NULL),
    (28, 'Answer GC questions and collect the final quotes',
     'All bidders have received the same written answers, and each final quote is complete on the bid form.',
     12, true, false, NULL),
    (29, 'Compare the GC bids line by line',
     'Bids are leveled on one sheet with exclusions and allowances priced in, and the principal has a recommendation for the client.',
     2, true, false, NULL),
    (30, 'Choose the vendor for each item',
     'Each line has a selected vendor by price, lead time and past quality, and anything over 16 weeks has an alternative in reserve.',
     2, false, false, NULL),
    (31, 'Reconcile the quoted total with Exhibit B',
     'Each room''s retail total with freight, trades, receiving and tax is at or below its Exhibit B amount, or has a written reason and a way back.',
     2, false, false, NULL),

    -- Detailed design meeting
    (32, 'Send the DDM invitation',
     'All decision makers have confirmed, and know that the meeting ends with a yes or a no for each piece.',
     1, false, false, 'Detailed design meeting invitation'),
    (33, 'Assemble the DDM presentation',
     'Tear sheets, drawings, labeled sample trays and priced room summaries are in order, and the principal has approved every page.',
     3, false, false, NULL),
    (34, 'Present the selections at the DDM',
     'The client has approved or declined every item on the sheet, and the meeting is recorded as completed.',
     1, false, false, NULL),
    (35, 'File the DDM presentation and notes',
     'The presentation as shown and the marked-up decision sheet are on file, and action items have owners and dates.',
     1, false, false, NULL),
    (36, 'Re-select the items declined at the DDM',
     'Each declined item has a replacement that is specified, quoted and within the room''s amount.',
     5, false, false, NULL),
    (37, 'Hold the DDM revision meeting',
     'The client has approved every re-selected item; if nothing was declined, the task is skipped with that reason.',
     1, false, false, NULL),
    (38, 'Send the final selections for approval',
     'Proposals for every room, with prices and cancellation terms, are with the client, with a return date before the quotes expire.',
     1, false, false, 'Final selections for approval'),
    (39, 'File the initialed proposals',
     'Every page is initialed and filed, and any item held back by the client is marked so that it cannot be ordered by mistake.',
     5, false, false, NULL),
    (40, 'Invoice design fee payment 2',
     'The second installment is invoiced as the agreement provides, and marked with its due date.',
     1, false, false, 'Design fee invoice'),
    (41, 'Collect design fee payment 2',
     'The payment has cleared and is posted as paid before purchasing begins.',
     7, false, false, NULL)
) AS task (task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template)
LEFT JOIN email_templates
    ON email_templates.name = task.email_template
ORDER BY task.task_order;


INSERT INTO workflow_templates (phase, task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template_id)
SELECT 'purchasing', task.task_order, task.name, task.description, task.duration_days, task.is_renovation_only, task.is_recurring, email_templates.id
FROM (VALUES
    -- Before the first order
    (1, 'Confirm that the furnishings deposit has cleared',
     'The client''s deposit for the approved proposals is in the bank and posted; no vendor is committed to before that.',
     5, false, false, NULL),
    (2, 'Send the weekly client update during purchasing',
     'Each week the client knows what has been ordered, what is in production, and whether the installation window holds.',
     1, false, true, 'Weekly client update'),
    (3, 'Open vendor accounts and file resale certificates',
     'Every selected vendor has our account number, resale certificate and payment terms on record, so that no order is held up or taxed in error.',
     3, false, false, NULL),
    (4, 'Book the receiving warehouse',
     'The warehouse has the sidemark, the expected list and our inspection form, and its storage rate, insurance and receiving hours are in writing.',
     2, false, false, NULL),

    -- Renovation contract
    (5, 'Get the chosen GC under contract',
     'Client and GC have signed their contract with drawings, payment schedule and final scope delineation attached and filed, and the other bidders have been told.',
     8, true, false, 'Decision for a contractor not chosen'),
    (6, 'Secure the building permits with the GC',
     'The GC has filed the drawings, the city''s comments are answered, and a copy of every permit is on file.',
     20, true, false, NULL),
    (7, 'Assemble and hand out the build/reno binder',
     'Drawings, schedules, cut sheets, scope delineation, contacts and permits are bound in one numbered set; GC and client have the same revision.',
     3, true, false, NULL),

    -- Ordering
    (8, 'Reconfirm price, stock and lead time of each item',
     'Every quote is still valid on the day of ordering, and discontinued or repriced items are flagged before a purchase order is written.',
     2, false, false, NULL),
    (9, 'Reserve fabrics and wallpapers and approve cuttings',
     'Yardage and rolls are on reserve in one dye lot, and the cutting for approval has been compared with the memo and signed.',
     5, false, false, NULL),
    (10, 'Write the purchase orders',
     'Each order states SKU, size, finish, fabric and direction, net price, freight terms, sidemark, required date and the warehouse as ship-to.',
     4, false, false, NULL),
    (11, 'Proofread purchase orders against the approved proposals',
     'A second person has compared every line with the initialed proposal and the tear sheet, and has signed off the batch.',
     1, false, false, NULL),
    (12, 'Place the custom and long-lead orders',
     'Custom upholstery, case pieces, rugs and anything over ten weeks are ordered first, and each vendor has confirmed receipt.',
     1, false, false, 'Purchase order for acknowledgment'),
    (13, 'Place fabric and wallpaper orders',
     'Fabric ships to each maker tagged with our PO number and sidemark, and wallpaper is ordered in one run with an extra roll per room.',
     1, false, false, 'Purchase order for acknowledgment'),
    (14, 'Place the stock furniture and lighting orders',
     'No approved line is left unordered, and each vendor has a ship-by date that avoids months of paid storage.',
     2, false, false, 'Purchase order for acknowledgment'),
    (15, 'Release the work orders to the soft trades',
     'Drapery workroom, upholsterer and paperhanger have signed work orders with final measurements, trim and installation week.',
     2, false, false, 'Purchase order for acknowledgment'),
    (16, 'Pay the pro forma invoices and vendor deposits',
     'Every pro forma agrees with its purchase order and is paid, so that no order waits for money to enter production.',
     3, false, false, NULL),
    (17, 'Check every acknowledgment against its order',
     'Item, finish, fabric, price, ship date and ship-to agree line by line, and each difference has been corrected by the vendor in writing.',
     5, false, false, NULL),
    (18, 'Order accessories and styling pieces',
     'Lamps, pillows, throws, trays, books, vases and greenery for each room are bought or on order within the accessory line of Exhibit B.',
     4, false, false, NULL),
    (19, 'Compare committed cost with Exhibit B by room',
     'Orders placed, freight and trade contracts are totaled per room, and the principal has seen every room that has run over.',
     1, false, false, NULL),
    (20, 'Build the delivery schedule and installation window',
     'Acknowledged ship dates, transit time and soft trade weeks are on one calendar, and it names the piece that decides the installation date.',
     1, false, false, NULL),

    -- Production and tracking
    (21, 'Approve shop drawings and strike-offs',
     'Each custom piece, rug and print has a signed drawing or strike-off returned to the maker, with corrections and the date noted.',
     5, false, false, NULL),
    (22, 'Trace COM fabric to each maker',
     'Every maker has confirmed that the bolt arrived, was inspected for flaws and shade, and is long enough to cut.',
     3, false, false, NULL),
    (23, 'Track every open order weekly',
     'Each week every open order has a stage, a current ship date and a source for it; tracking ends when the last piece is received.',
     1, false, true, 'Order status request'),
    (24, 'Review backorders weekly',
     'Each week every backordered or slipping item has a decision: wait, change the finish or fabric, or re-select, with the effect on installation stated.',
     1, false, true, NULL),
    (25, 'Tell the client about delays with options',
     'The client has heard of the slipped date from us first, with a recommendation, and the chosen option is recorded.',
     1, false, false, 'Delay notice and options'),
    (26, 'Replace discontinued or canceled items',
     'The old order is canceled in writing, the deposit or credit is confirmed, and the client-approved replacement is on order.',
     5, false, false, NULL),
    (27, 'Approve pre-shipment photos of custom pieces',
     'Photos of fabric direction, pattern match, finish and hardware have been checked against the drawing before the piece is crated.',
     2, false, false, NULL),
    (28, 'Book inbound freight for antiques, art and oversize pieces',
     'Each piece the vendor does not ship has a carrier, pickup date, insured value, blanket wrap or crate, and a dock appointment at the warehouse.',
     2, false, false, NULL)
) AS task (task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template)
LEFT JOIN email_templates
    ON email_templates.name = task.email_template
ORDER BY task.task_order;


INSERT INTO workflow_templates (phase, task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template_id)
SELECT 'construction', task.task_order, task.name, task.description, task.duration_days, task.is_renovation_only, task.is_recurring, email_templates.id
FROM (VALUES
    -- Mobilization
    (1, 'Hold the preconstruction meeting with the GC',
     'Working hours, dust control, dumpster, payment milestones, change order rule and the dates for owner-supplied material are agreed and minuted.',
     1, true, false, NULL),
    (2, 'Schedule the soft trades in sequence and confirm dates',
     'Painter, electrician, paperhanger, carpet and drapery installers have each confirmed their days, and no two trades share a room.',
     2, false, false, 'Trade schedule confirmation'),
    (3, 'Check insurance and site access for each trade',
     'A current certificate naming the homeowner is on file for everyone entering the house, and key, alarm and parking arrangements are in writing.',
     2, false, false, NULL),
    (4, 'Send the weekly client update while trades are on site',
     'Each week the client knows who is in the house next week, which rooms to stay out of, and what was finished.',
     1, false, true, 'Weekly client update'),
    (5, 'Move or store the client''s existing furniture',
     'Kept pieces are tagged and moved, stored or sent to the upholsterer as the inventory says, and the rest is donated or hauled away with the client''s consent.',
     2, false, false, NULL),
    (6, 'Photograph and protect floors, stairs and kept pieces',
     'Dated photos show the condition before work, and floor board, stair runners and door-jamb guards are in place.',
     1, false, false, NULL),

    -- General contractor on site
    (7, 'Hold the weekly site meeting with the GC',
     'Each week progress, open questions and change orders are walked and minuted, and no extra work starts without the client''s signed price.',
     1, true, true, NULL),
    (8, 'Walk the rough-in before drywall',
     'Boxes, switches, valves, blocking for drapery rods and heavy art, and vent locations agree with the plans, and every wall is photographed open.',
     1, true, false, NULL),
    (9, 'Check cabinets and tile during installation',
     'Cabinets are checked against the shop drawings on delivery, tile layout is approved dry before setting, and shade and lippage are accepted.',
     2, true, false, NULL),

    -- Receiving warehouse
    (10, 'Log and inspect arrivals at the receiving warehouse',
     'Each week every arrival has an inspection report with photos, is checked against its purchase order, and is marked delivered; nothing stays boxed unseen.',
     1, false, true, NULL),
    (11, 'Report damage within the 5-day freight claim window',
     'Damage is noted on the bill of lading, photos of piece and carton are with vendor and carrier within five days, and a claim number is on file.',
     2, false, false, 'Damage report and replacement request'),
    (12, 'Get damaged pieces repaired or replaced',
     'The furniture medic''s repair has been accepted in person or the replacement has passed inspection, and the claim is paid or credited.',
     15, false, false, NULL),

    -- Paint, paper and light
    (13, 'Approve paint samples on the wall before painting',
     'Color, sheen and wall preparation are approved in each room on a two-foot sample, and the formula labels are photographed.',
     1, false, false, NULL),
    (14, 'Walk the finished paint with the painter',
     'Each room has been looked at under raking light, blue-taped and touched up, and labeled leftover paint stays in the house.',
     1, false, false, NULL),
    (15, 'Check wallpaper rolls and the first drop',
     'Rolls are of one run and enough, walls are sized and lined, and seams, pattern start and corners are approved on the first drop.',
     1, false, false, NULL),
    (16, 'Hang the decorative lighting and sconces',
     'Each fixture hangs at its drawn height, is level and on a compatible dimmer, and has lamps of the specified color temperature.',
     2, false, false, NULL),
    (17, 'Mount TVs and verify blocking for heavy pieces',
     'TVs are at the drawn height with cables hidden, and heavy mirrors, headboards and art have blocking or rated anchors marked on the wall.',
     1, false, false, NULL),

    -- Substantial completion
    (18, 'Walk substantial completion with the GC',
     'Every renovated room is usable, and GC and practice have signed one dated list of what is still to be corrected.',
     1, true, false, NULL),

    -- Carpet, upholstery and drapery
    (19, 'Install the stair runner and fitted carpet',
     'Pattern is centered and matched at turns, seams are out of the main sight line, and bound remnants are kept for the client.',
     2, false, false, NULL),
    (20, 'Inspect reupholstered pieces at the upholsterer',
     'Pattern match, welt, cushion crown and leg finish are accepted at the shop before the piece goes to the receiving warehouse.',
     1, false, false, NULL),
    (21, 'Inspect drapery at the workroom before installation',
     'Finished lengths, pattern match, lining, pleats and trim agree with the work order, and panels travel on hangers.',
     1, false, false, NULL),
    (22, 'Install drapery hardware, panels and shades',
     'Rods are level at the drawn height, hems just meet the floor, panels are dressed and banded, and motors are programmed.',
     2, false, false, NULL),

    -- Ready for furniture
    (23, 'Close the GC list and collect close-out papers',
     'Every listed item is corrected, and the final inspection, lien waivers, manuals and warranties are filed before the client releases the last payment.',
     10, true, false, NULL),
    (24, 'Audit the warehouse against the order list',
     'Every ordered item has been seen in person, undamaged and complete with hardware and legs, or has a dated plan without it.',
     1, false, false, NULL),
    (25, 'Clear and deep-clean the house before installation',
     'Trade tools and protection are out, floors, windows, closets and vents are clean, filters are changed, and a walk found every room ready for furniture.',
     2, false, false, NULL)
) AS task (task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template)
LEFT JOIN email_templates
    ON email_templates.name = task.email_template
ORDER BY task.task_order;


INSERT INTO workflow_templates (phase, task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template_id)
SELECT 'reveal_punch_list', task.task_order, task.name, task.description, task.duration_days, task.is_renovation_only, task.is_recurring, email_templates.id
FROM (VALUES
    -- Installation
    (1, 'Book the white-glove crew and the art hanger',
     'Crew size, truck, elevator slot, insurance and arrival time are confirmed, and the order of loading at the warehouse is agreed.',
     2, false, false, 'Trade schedule confirmation'),
    (2, 'Announce installation and reveal dates to the client',
     'The client has confirmed the days away from the house, access, pets and parking, and whether the rooms may be photographed.',
     1, false, false, 'Installation and reveal dates'),
    (3, 'Write the installation plan room by room',
     'Every piece has a tag, a spot on the printed plan and a delivery hour, and each team member has rooms, tools and touch-up kit assigned.',
     2, false, false, NULL),
    (4, 'Steam, tag and pack the styling kit',
     'Bedding is washed and steamed, accessories are packed in labeled bins by room, and flowers and pantry items are ordered for the day.',
     2, false, false, NULL),
    (5, 'Deliver and place furniture with the white-glove crew',
     'Rug pads and rugs are down, pieces stand on their plan marks, legs and hardware are fitted and level, and packaging has left the property.',
     2, false, false, NULL),
    (6, 'Inspect each piece before the crew leaves',
     'Nicks, missing parts and wall scuffs are on the signed delivery receipt with photos, and each accepted line item is marked installed.',
     1, false, false, NULL),
    (7, 'Hang art and mirrors',
     'Centers are at the drawn height, pieces are level on two points and safely anchored, and no test holes remain.',
     1, false, false, NULL),
    (8, 'Make the beds and style every room',
     'Beds, shelves, tables and mantels are finished, lamps are lit on dimmers, and each room matches its board from the doorway.',
     2, false, false, NULL),
    (9, 'Walk the house with the principal before the reveal',
     'Anything that can be fixed the same day is fixed, the rest is noted before the client can find it, and the cleaner has finished.',
     1, false, false, NULL),

    -- Reveal and punch list
    (10, 'Reveal the finished home to the client',
     'The client has seen every room at its best, without boxes, tools or a list in anyone''s hand.',
     1, false, false, NULL),
    (11, 'Walk the rooms with the client for the punch list',
     'Each item to be corrected is an action item with photo, owner and due date, and the client has agreed that the list is complete.',
     1, false, false, NULL),
    (12, 'Photograph the finished rooms',
     'Styled wide shots and details of each room are delivered by the photographer and filed with the client''s permission noted.',
     2, false, false, NULL),
    (13, 'Send punch list items to vendors and trades',
     'Each vendor and trade has only its own items, has accepted them, and has confirmed the correction day or the date of its parts.',
     2, false, false, 'Punch list items for correction'),
    (14, 'Send the weekly update until the punch list is closed',
     'Each week the client knows which items are closed, which wait for parts, and when someone next comes to the house.',
     1, false, true, 'Weekly client update'),
    (15, 'Close every item on the punch list',
     'Each correction has been inspected by us in the house, photographed and closed; no action item of the project is open.',
     15, false, false, NULL),
    (16, 'Get the client''s signature on the completed punch list',
     'The client has signed the list as complete, and anything found later is handled as a warranty matter.',
     2, false, false, NULL),

    -- Close-out
    (17, 'Reconcile vendor, freight and trade invoices',
     'Every invoice agrees with its order or is disputed in writing, credits and claims are received, and actual cost per room is final.',
     4, false, false, NULL),
    (18, 'Invoice the final design fee',
     'The last installment is invoiced as the agreement provides, with its due date, and the client''s furnishings account shows what is still open.',
     1, false, false, 'Design fee invoice'),
    (19, 'Collect the final design fee',
     'Every installment is posted as paid and the project has no open balance.',
     10, false, false, NULL),
    (20, 'Hand over the warranty and care binder',
     'Warranties, care codes, paint formulas, leftover fabric and reorder numbers are with the client, who has been shown how each finish is cleaned.',
     2, false, false, NULL),
    (21, 'Send the closing letter and set the 30-day visit',
     'The client has our thanks, the date of the 30-day visit, and a simple way to leave a review or pass on our name.',
     1, false, false, 'Project close and thank you'),
    (22, 'Debrief the project and update the benchmarks',
     'Estimate and actual are compared by category, benchmark prices and vendor notes are corrected, and the file is archived.',
     2, false, false, NULL)
) AS task (task_order, name, description, duration_days, is_renovation_only, is_recurring, email_template)
LEFT JOIN email_templates
    ON email_templates.name = task.email_template
ORDER BY task.task_order;

INSERT INTO schema_version (version, description)
VALUES (2, 'workflow templates');
